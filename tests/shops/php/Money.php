<?php

declare(strict_types=1);

/** Exact amounts: text or JSON numbers in, whole minor units (cents, riel) inside, text out. No floating point. */
final class Money
{
    private const DECIMALS = ['USD' => 2, 'KHR' => 0];

    /** Whole minor units of an amount such as "10.00", "10" or 10; null when it is no amount of that currency. */
    public static function minor(mixed $amount, mixed $currency): ?int
    {
        $decimals = is_string($currency) ? self::DECIMALS[$currency] ?? null : null;
        $text = is_string($amount) ? $amount : json_encode($amount);
        if ($decimals === null || !preg_match('/^(\d{1,12})(?:\.(\d+))?$/D', $text, $parts)) {
            return null;
        }
        $fraction = rtrim($parts[2] ?? '', '0');
        return strlen($fraction) > $decimals ? null : (int) ($parts[1] . str_pad($fraction, $decimals, '0'));
    }

    /** The text of whole minor units, with all decimals of the currency: "10.00", "4000". */
    public static function text(int $minor, string $currency): string
    {
        $decimals = self::DECIMALS[$currency];
        $digits = str_pad((string) $minor, $decimals + 1, '0', STR_PAD_LEFT);
        return $decimals === 0 ? $digits : substr_replace($digits, '.', -$decimals, 0);
    }
}
