// A shop that takes payments through PAYON, with nothing but what Node brings.

import { constants, createPrivateKey, createPublicKey, publicEncrypt, randomBytes, sign as rsaSign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const { BASE_URL, CONTROL_URL, MERCHANT_ID, TERM_ID, PRIVATE_KEY, GATEWAY_PUBLIC_KEY } = process.env;
const privateKey = createPrivateKey({ key: Buffer.from(PRIVATE_KEY, 'base64'), format: 'der', type: 'pkcs8' });
const gatewayKey = createPublicKey({ key: Buffer.from(GATEWAY_PUBLIC_KEY, 'base64'), format: 'der', type: 'spki' });

const ours = { merchantId: MERCHANT_ID, termId: TERM_ID };
const CUSTOMER = '02';
const PATIENCE_MS = 10_000;

// --- How requests are made ---

async function post(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return { http: response.status, answer: await response.json() };
}

/** Posts a request to PAYON. */
const call = (path, body) => post(BASE_URL + path, body);

/** What is signed: name=value pairs sorted by name, joined by &; sign, null and "" left out, but not 0. */
function canonical(body) {
  const isEmpty = (value) => value == null || value === '';
  const names = Object.keys(body).filter((name) => name !== 'sign' && !isEmpty(body[name]));
  return names.sort().map((name) => `${name}=${body[name]}`).join('&');
}

/** RSA-SHA256 with PKCS#1 v1.5 padding, in Base64. */
const signature = (text) => rsaSign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64');

const sign = (body) => ({ ...body, sign: signature(canonical(body)) });

/** RSA with PKCS#1 v1.5 padding under PAYON's key, in as many blocks as the text needs. */
function encrypt(text) {
  const plain = Buffer.from(text);
  const room = gatewayKey.asymmetricKeyDetails.modulusLength / 8 - 11;
  const blocks = [];
  for (let at = 0; at < plain.length; at += room) {
    const block = plain.subarray(at, at + room);
    blocks.push(publicEncrypt({ key: gatewayKey, padding: constants.RSA_PKCS1_PADDING }, block));
  }
  return Buffer.concat(blocks);
}

function expect(what, got, wanted) {
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, got ${got}`);
}

/** An amount of an answer as text with its cents; within the numbers of a shop JSON's are exact enough. */
const cents = (amount) => amount.toFixed(2);

// --- Push-backs ---

/** Listens for push-backs: takes each one, answers 200, and hands it to who waits for it. */
class PushBacks {
  #waiting = new Map();
  count = 0;

  async listen() {
    this.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const notice = JSON.parse(Buffer.concat(chunks).toString());
      response.end();
      this.count += 1;
      this.#promise(notice.txId).resolve(notice);
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}/payon/push-back`;
  }

  waitFor(txId) {
    const { promise, reject } = this.#promise(txId);
    const late = () => reject(new Error(`no push-back for ${txId} within ${PATIENCE_MS} ms`));
    const timer = setTimeout(late, PATIENCE_MS);
    return promise.finally(() => clearTimeout(timer));
  }

  /** The promise of the push-back for an order, whoever asks first. */
  #promise(txId) {
    if (!this.#waiting.has(txId)) {
      const parts = {};
      parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
      this.#waiting.set(txId, parts);
    }
    return this.#waiting.get(txId);
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

// --- The steps ---

const newTxId = () => `js-${randomBytes(8).toString('hex')}`;

/** Announces an order: trt 10 is a purchase, 12 a pre-authorisation. */
async function register(pushBacks, trt, amount) {
  const txId = newTxId();
  const { answer } = await call('/pg/order/register', {
    ...ours,
    txId,
    trt,
    currency: 'USD',
    amount,
    paymentMethod: 'CREDIT_DEBIT',
    clientId: CUSTOMER,
    noti_url: pushBacks.url,
  });
  expect('register', answer.resultCode, '0000');
  expect('registered amount', cents(answer.resultData.amount), amount);
  expect('checkoutUrl', new URL(answer.resultData.checkoutUrl).protocol, 'http:');
  return txId;
}

const status = (txId, amount) => call('/pg/transaction/status', { ...ours, txId, amount, currency: 'USD' });

/** Plays the payer; in real life somebody opens checkoutUrl in a browser. */
async function pay(txId) {
  const { http } = await post(`${CONTROL_URL}/_sim/v1/orders/${MERCHANT_ID}/${txId}/pay`, {});
  expect('pay', http, 200);
}

/** Waits for the push-back. It carries no signature, so only the status call is believed. */
async function settle(pushBacks, txId, amount, state) {
  expect('status before the payment', (await status(txId, amount)).http, 302);
  await pay(txId);
  expect('push-back', (await pushBacks.waitFor(txId)).resultCode, '0000');
  const { http, answer } = await status(txId, amount);
  expect('status', `${http} ${answer.resultCode}`, '200 0000');
  const order = answer.resultData;
  expect('paid order', `${order.tracNo} ${order.txStCd}`, `${txId} ${state}`);
  expect('paid amount', `${cents(order.amount)} ${order.currencyCode}`, `${amount} USD`);
}

async function refund(txId, amount) {
  const { answer } = await call('/pg/refund', sign({ ...ours, txId, amount }));
  expect('refund', answer.resultCode, '0000');
  expect('refunded amount', cents(answer.amount), amount);
}

/** Nothing can be given back, but it must not be taken for everything either: a zero is signed and sent. */
async function refundNothing(txId) {
  for (const amount of [0, '0']) {
    const { answer } = await call('/pg/refund', sign({ ...ours, txId, amount }));
    expect('refund of nothing', answer.resultCode, '1103');
  }
}

async function reverse(txId, amount) {
  const { answer } = await call('/pg/reversal', sign({ ...ours, txId }));
  expect('reversal', answer.resultCode, '0000');
  expect('reversed amount', cents(answer.amount), amount);
}

/** Captures a part of what was authorised; the rest is released. */
async function complete(txId, amount) {
  const { answer } = await call('/pg/preAuthCompletion', sign({ ...ours, txId, currency: 'USD', amount }));
  expect('completion', answer.resultCode, '0000');
  expect('completed amount', cents(answer.amount), amount);
}

/** Signs the members as they stand instead of sorted, is refused, and asks the simulator why. */
async function explain(txId) {
  const body = { txId, ...ours };
  body.sign = signature(Object.entries(body).map(([name, value]) => `${name}=${value}`).join('&'));
  const { answer } = await call('/pg/refund', body);
  expect('refund with a wrong signature', answer.resultCode, '2102');
  const question = { merchantId: MERCHANT_ID, operation: 'refund', body };
  const { answer: explanation } = await post(`${CONTROL_URL}/_sim/v1/sign/explain`, question);
  expect('explanation', explanation.ok, false);
  console.log('the signature was refused:', explanation.summary);
  for (const cause of explanation.causes) console.log('  because:', cause.message);
  return explanation.causes.map((cause) => cause.code);
}

/** Saves a card without a payment. */
async function bind() {
  const { answer } = await call('/pg/binding/register', {
    ...ours,
    clientId: CUSTOMER,
    paymentMethod: 'CREDIT_DEBIT',
    wdlAcNo: '5204730000001003',
    wdlCvv: '100',
    wdlExpiry: '202512',
    wdlNm: 'MC',
    phone: '855964444781',
    pin: '123456',
  });
  expect('binding', answer.resultCode, '0000');
  expect('bound card', answer.wdlAcNo, '520473**1003');
  return answer.bindingId;
}

async function createPin(pin) {
  const body = { ...ours, clientId: CUSTOMER, pin: encrypt(pin).toString('base64') };
  const { answer } = await call('/pg/binding/createPIN', body);
  expect('createPIN', answer.resultCode, '0000');
}

/** A link that needs no register call: the order travels in it, encrypted for PAYON. It ends by itself. */
async function checkoutLink(pushBacks, amount) {
  const txId = newTxId();
  const order = {
    ...ours,
    txId,
    trt: '10',
    currency: 'USD',
    amount,
    paymentMethod: 'CREDIT_DEBIT',
    clientId: CUSTOMER,
    noti_url: pushBacks.url,
    success_url: 'https://shop.example/done',
    fail_url: 'https://shop.example/failed',
    cancel_url: 'https://shop.example/cart',
    issuedAt: String(Date.now()),
  };
  const link = new URL(`${BASE_URL}/pg/checkout`);
  link.searchParams.set('merchantId', MERCHANT_ID);
  link.searchParams.set('data', encrypt(JSON.stringify(order)).toString('base64url'));
  const page = await fetch(link, { signal: AbortSignal.timeout(PATIENCE_MS) });
  await page.text();
  expect('checkout page', page.status, 200);
  return txId;
}

/** The orders of the last two days, as Cambodia's calendar has them. */
async function orders() {
  const day = (ago) => {
    const cambodia = new Date(Date.now() + (7 - 24 * ago) * 3_600_000);
    const [year, month, date] = cambodia.toISOString().slice(0, 10).split('-');
    return date + month + year;
  };
  const { answer: rows } = await call('/pg/orders', { fromDate: day(1), toDate: day(0), index: 1, limit: 100, ...ours });
  const sequence = rows.map((row) => row.txSeqNo);
  expect('ascending orders', sequence.join(), [...sequence].sort().join());
  return new Map(rows.map((row) => [row.tracNo, row]));
}

const pushBacks = new PushBacks();
await pushBacks.listen();

const purchase = await register(pushBacks, '10', '12.50');
await settle(pushBacks, purchase, '12.50', 'COMPLETE');
const causes = await explain(purchase);
await refundNothing(purchase);
await refund(purchase, '2.50');
await refund(purchase, '10.00');

const preAuth = await register(pushBacks, '12', '20.00');
await settle(pushBacks, preAuth, '20.00', 'AUTHORIZED');
await complete(preAuth, '15.00');

const reversed = await register(pushBacks, '10', '7.00');
await settle(pushBacks, reversed, '7.00', 'COMPLETE');
await reverse(reversed, '7.00');

const binding = await bind();
await createPin('246810');
const link = await checkoutLink(pushBacks, '3.25');

const listed = await orders();
expect('refunded in the list', listed.get(purchase).refundYn, 'Y');
expect('reversed in the list', listed.get(reversed).cancelYn, 'Y');
expect('completed in the list', listed.get(preAuth).txStCd, '09');

pushBacks.close();
console.log(JSON.stringify({
  client: 'node',
  purchase,
  preAuth,
  reversed,
  link,
  binding,
  causes,
  pushBacks: pushBacks.count,
  orders: listed.size,
}));
