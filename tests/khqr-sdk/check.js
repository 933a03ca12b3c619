// Holds our KHQR strings against an npm package: `node check.js bakong-khqr < cases.jsonl`, or `ts-khqr`.
//
// A case is one line of JSON: {"qr", "md5", "valid", "fields": {name as in the official decoder: text or null}}.
// Prints one line for each disagreement and exits 1 if there was one.
'use strict';

const { spawnSync } = require('node:child_process');
const { readFileSync } = require('node:fs');

// Both packages read the clock when they judge an expiry, the official one also when it builds.
Date.now = () => 1767225600000;

const [package_, one] = process.argv.slice(2);
const input = readFileSync(0, 'utf8');

if (one) {
  const complaints = (package_ === 'ts-khqr' ? ts : official)(JSON.parse(input));
  process.stdout.write(complaints.map((line) => line + '\n').join(''));
} else {
  // Each case in a process of its own: both packages loop for ever on some malformed strings.
  const cases = input.split('\n').filter(Boolean);
  let disagreements = 0;
  for (const line of cases) {
    const run = spawnSync(process.execPath, [__filename, package_, 'one'], {
      input: line, timeout: 20000, encoding: 'utf8',
    });
    const found = run.status === 0 ? run.stdout : `failed (${run.signal ?? run.status}) ${run.stderr}\n`;
    if (found) {
      disagreements += 1;
      process.stdout.write(`${package_}: ${JSON.parse(line).qr}\n${found}`);
    }
  }
  console.log(`${package_}: ${cases.length} strings, ${disagreements} disagreements`);
  process.exitCode = disagreements === 0 && cases.length > 0 ? 0 : 1;
}

function official({ qr, md5, valid, fields }) {
  const { BakongKHQR, IndividualInfo, MerchantInfo } = require('bakong-khqr');
  const complaints = verdict(BakongKHQR.verify(qr).isValid, valid);
  if (!valid) return complaints;
  complaints.push(...compare(BakongKHQR.decode(qr).data, fields));

  // The same facts given to the official builder make the same string.
  const optional = {
    ...fields,
    currency: Number(fields.transactionCurrency),
    amount: fields.transactionAmount,
    upiMerchantAccount: fields.unionPayMerchant,
    expirationTimestamp: fields.expirationTimestamp && Number(fields.expirationTimestamp),
  };
  const { bakongAccountID, merchantName, merchantCity, merchantID, acquiringBank } = fields;
  const builder = new BakongKHQR();
  const built = fields.merchantType === '30'
    ? builder.generateMerchant(new MerchantInfo(
      bakongAccountID, merchantName, merchantCity, merchantID, acquiringBank, optional))
    : builder.generateIndividual(new IndividualInfo(
      bakongAccountID, merchantName, merchantCity, optional));
  if (built.data?.qr !== qr) complaints.push(`  builds ${built.data?.qr ?? JSON.stringify(built)}`);
  if (built.data?.md5 !== md5) complaints.push(`  has the md5 ${built.data?.md5}`);
  return complaints;
}

function ts({ qr, valid, fields }) {
  const { KHQR } = require('ts-khqr');
  // It drops the third leading zero of a checksum, so it refuses those strings.
  const accepted = valid && !qr.slice(-4).startsWith('000');
  const complaints = verdict(KHQR.verify(qr).isValid, accepted);
  return valid ? complaints.concat(compare(KHQR.parse(qr).data, fields)) : complaints;
}

function verdict(found, expected) {
  return found === expected ? [] : [`  says ${found ? 'valid' : 'not valid'}`];
}

function compare(decoded, fields) {
  return Object.entries(fields)
    .filter(([name, text]) => (decoded[name] ?? null) !== text)
    .map(([name, text]) => `  reads ${name} as ${JSON.stringify(decoded[name])}, not ${JSON.stringify(text)}`);
}
