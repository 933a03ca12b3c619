// A shop that takes payments through PAYON, with nothing but what Node brings. README.md says how to run it.
//
//   shop.mjs      this file: settings, and the shop's HTTP calls
//   orders.mjs    what the shop does about its orders
//   payon.mjs     calls to PAYON
//   books.mjs     the orders, in a file
//   money.mjs, clock.mjs   amounts and pauses
//   mistakes.mjs  bugs to be told to have

import { createServer } from 'node:http';

import { Books } from './books.mjs';
import { sleep } from './clock.mjs';
import { makes } from './mistakes.mjs';
import { Refusal, Shop } from './orders.mjs';
import { fallOver, Payon } from './payon.mjs';

/** How long a caller is kept waiting for PAYON; what takes longer goes on by itself. */
const PATIENCE_S = 45;
const BODY_BYTES_MAX = 64 << 10;

const { PAYON_URL, MERCHANT_ID, TERM_ID, PRIVATE_KEY, TOKEN, HOST = '127.0.0.1', PORT = '3000', BOOKS = 'books.jsonl' } = process.env;
const SHOP_URL = process.env.SHOP_URL ?? `http://127.0.0.1:${PORT}`;
for (const [name, value] of Object.entries({ PAYON_URL, MERCHANT_ID, TERM_ID, PRIVATE_KEY })) {
  if (!value) throw new Error(`the environment must set ${name}`);
}

const shop = new Shop({
  books: new Books(BOOKS),
  payon: new Payon({ url: PAYON_URL, merchantId: MERCHANT_ID, termId: TERM_ID, privateKey: PRIVATE_KEY, token: TOKEN }),
  url: SHOP_URL,
});

// --- The calls ---

/** An order as it is shown. */
function view({ id, txId, state, amount, currency, checkoutUrl, shipped, captured, refunded, note }) {
  return { id, txId, state, amount, currency, checkoutUrl, shippedCount: shipped, captured, refunded, note };
}

/** Answers about an order when `work` is done or the caller has waited long enough. */
async function after(id, work, status) {
  const done = await Promise.race([Promise.resolve(work).then(() => true), sleep(PATIENCE_S)]);
  return { status: done ? status : 202, json: view(shop.get(id)) };
}

const CALLS = [
  ['GET', '/healthz', () => ({ status: 200, json: { ok: true } })],
  ['POST', '/orders', (_, body) => {
    const [id, registration] = shop.order(body);
    return after(id, registration, 201);
  }],
  ['GET', '/orders', () => ({ status: 200, json: shop.all().map(view) })],
  ['GET', '/orders/:id', (id) => ({ status: 200, json: view(shop.get(id)) })],
  ['POST', '/orders/:id/refund', (id, { amount }) => after(id, shop.giveBack(id, 'refund', amount), 200)],
  ['POST', '/orders/:id/cancel', (id) => after(id, shop.giveBack(id, 'reversal'), 200)],
  ['POST', '/orders/:id/capture', (id, { amount }) => after(id, shop.capture(id, amount), 200)],
  ['POST', '/orders/:id/check', (id) => after(id, shop.get(id) && shop.check(id), 200)],
  ['POST', '/list', async () => ({ status: 200, json: { ok: await shop.compareByList() } })],
  ['POST', '/reconcile', async () => ({ status: 200, json: { ok: await shop.reconcile() } })],
  ['POST', '/cards', async (_, { clientId, number, cvv, expiry }) => ({
    status: 201,
    json: await shop.bind(clientId, { number, cvv, expiry }),
  })],
];

/** The call for a method and a path, with the part of the path that stands for `:id`. */
function route(method, path) {
  for (const [its, pattern, call] of CALLS) {
    const match = new RegExp(`^${pattern.replace(':id', '([^/]+)')}$`).exec(path);
    if (its === method && match) return { call, id: match[1] };
  }
  throw new Refusal(404, `there is no ${method} ${path}`);
}

/** The body as an object; an empty one is none. */
function parse(body) {
  try {
    const members = JSON.parse(body.toString('utf8') || '{}');
    if (typeof members === 'object' && members !== null && !Array.isArray(members)) return members;
  } catch {
    // said below
  }
  throw new Refusal(400, 'the body must be a JSON object');
}

// --- What PAYON and payers send ---

/** A push-back: stored, then acknowledged with the code that some senders want. What it says is not believed. */
async function pushBack(request, body) {
  if (makes('strict-parser')) readByTheBook(request, body);
  const { txId, resultCode } = parse(body);
  if (typeof txId !== 'string') throw new Refusal(400, 'a push-back names a txId');
  const id = shop.find(txId);
  if (id === undefined) throw new Refusal(404, 'no such order');
  if (makes('acknowledges-early')) return { status: 200, text: '' };
  shop.heard(id, resultCode);
  if (makes('slow-handler')) await sleep(60);
  if (makes('never-acknowledges')) return { status: 500, text: 'sorry' };
  return { status: 200, json: { resultCode: '0000', resultMsg: 'Success' } };
}

/** The bug of a parser that knows only the push-back on PAYON's page. */
function readByTheBook(request, body) {
  const notice = /^\{"txId":"([^"\\]+)","resultCode":"\d{4}","resultMsg":"[^"\\]*"\}$/.exec(body.toString());
  if (!notice || request.headers['content-type'] !== 'application/json' || !shop.find(notice[1])) {
    fallOver(new Error('not the push-back that was expected'));
  }
}

/** The payer's page: it says that the shop is looking into it, and decides nothing. */
function comeBack(path) {
  const [, result, id] = /^\/return\/(success|fail|cancel)\/([^/]+)$/.exec(path) ?? [];
  if (id === undefined) throw new Refusal(404, 'no such page');
  shop.get(id);
  shop.cameBack(id, result);
  return { status: 200, text: 'Thank you. We are checking your payment.' };
}

// --- The server ---

/** Reads a body to its end, so that its sender hears the answer, but keeps no more than is sensible. */
async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  if (bytes > BODY_BYTES_MAX) throw new Refusal(413, `a body may have ${BODY_BYTES_MAX} bytes`);
  return Buffer.concat(chunks);
}

async function answer(request) {
  const path = request.url.split('?')[0];
  if (path.startsWith('/return/')) return comeBack(path);
  const body = await read(request);
  if (path === '/noti') {
    if (request.method !== 'POST') throw new Refusal(405, 'push-backs are sent by POST');
    return pushBack(request, body);
  }
  const { call, id } = route(request.method, path);
  return call(id, request.method === 'POST' ? parse(body) : {});
}

const server = createServer(async (request, response) => {
  let reply;
  try {
    reply = await answer(request);
  } catch (error) {
    if (request.errored) return; // the sender has gone
    if (!(error instanceof Refusal)) console.error(error);
    reply = { status: error.status ?? 500, json: { error: error.status ? error.message : 'something went wrong' } };
  }
  const type = reply.json ? 'application/json' : 'text/plain; charset=utf-8';
  response.writeHead(reply.status, { 'Content-Type': type }).end(reply.json ? JSON.stringify(reply.json) : reply.text);
});
server.requestTimeout = 60_000; // of a request that drips
server.listen(Number(PORT), HOST, () => {
  console.log(`the shop is open at ${SHOP_URL}`);
  shop.open();
});
process.on('SIGTERM', () => process.exit(0));
