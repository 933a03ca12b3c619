// Exact amounts: text in, whole minor units (cents, riel) inside, text out. No floating point anywhere.

const DECIMALS = { USD: 2, KHR: 0 };

/** Whole minor units of an amount such as "10.00", "10" or 10; null when it is no amount of that currency. */
export function minor(amount, currency) {
  const decimals = DECIMALS[currency];
  const parts = /^(\d{1,12})(?:\.(\d+))?$/.exec(String(amount));
  if (decimals === undefined || !parts) return null;
  const fraction = (parts[2] ?? '').replace(/0+$/, '');
  if (fraction.length > decimals) return null;
  return BigInt(parts[1] + fraction.padEnd(decimals, '0'));
}

/** The text of whole minor units, with all decimals of the currency: "10.00", "4000". */
export function text(units, currency) {
  const decimals = DECIMALS[currency];
  const digits = units.toString().padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  return decimals === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
}
