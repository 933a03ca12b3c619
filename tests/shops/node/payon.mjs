// Calls to PAYON: signed where needed, limited in time, never redirected, and read for what they really say.

import { createPrivateKey, sign as rsaSign } from 'node:crypto';

import { ms, sleep } from './clock.mjs';
import { makes } from './mistakes.mjs';

const CALL_LIMIT_S = 30;
const ANSWER_BYTES_MAX = 4 << 20;
const PAGE_ROWS = 100;
/** Result codes that say "not now; nothing was done". */
const TEMPORARY = ['9001', '9002'];
const SYSTEM_ERROR = '9999';

const SIGNED = ['/pg/refund', '/pg/reversal', '/pg/preAuthCompletion'];

/** The two bugs in which no answer is taken for one. */
const NOTHING_KNOWN = makes('lost-answer-is-failure')
  ? { is: 'no', code: '-' }
  : makes('lost-answer-is-success')
    ? { is: 'yes', body: {} }
    : { is: 'lost' };

export class Payon {
  #url;
  #ours;
  #key;
  #token;
  /** PAYON has asked to be left alone until then. */
  #notBefore = 0;

  constructor({ url, merchantId, termId, privateKey, token }) {
    this.#url = url;
    this.#ours = { merchantId, termId };
    this.#key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' });
    this.#token = token;
  }

  /** Fills a request with who we are and, where it is wanted, the signature: RSA-SHA256 over the sorted name=value pairs. */
  #request(path, members) {
    const body = { ...this.#ours, ...members };
    if (!SIGNED.includes(path)) return body;
    const filled = Object.keys(body).filter((name) => body[name] != null && body[name] !== '');
    const pairs = filled.sort().map((name) => `${name}=${body[name]}`).join('&');
    return { ...body, sign: rsaSign('RSA-SHA256', Buffer.from(pairs), this.#key).toString('base64') };
  }

  /**
   * Makes a call. The result is one of
   *   { is: 'yes', body }  done
   *   { is: 'no', code }   refused
   *   { is: 'later' }      refused for now, nothing was done
   *   { is: 'lost' }       no answer, or none that can be read: nothing is known
   */
  async call(path, members) {
    const wait = this.#notBefore - Date.now();
    if (wait > 0 && !makes('retries-without-pause')) await new Promise((resolve) => setTimeout(resolve, wait));
    const body = Array.isArray(members)
      ? members.map((row) => ({ ...this.#ours, ...row }))
      : this.#request(path, members);
    let response, text;
    try {
      response = await fetch(this.#url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...(this.#token && { Authentication: this.#token }) },
        body: JSON.stringify(body),
        redirect: makes('follows-redirects') ? 'follow' : 'manual',
        // For the call as a whole: an answer that drips byte by byte ends as well.
        signal: makes('waits-forever') ? undefined : AbortSignal.timeout(ms(CALL_LIMIT_S)),
      });
      text = await readBounded(response);
    } catch {
      return NOTHING_KNOWN;
    }
    return this.#understand(path, response, text);
  }

  #understand(path, response, text) {
    if (makes('follows-redirects') && response.status >= 300 && response.status < 400) return { is: 'no', code: '-' };
    if (makes('reads-http-status') && !response.ok) return { is: 'no', code: '-' };
    const retryAfter = Number(response.headers.get('retry-after'));
    if (retryAfter > 0) {
      this.#notBefore = Math.max(this.#notBefore, Date.now() + ms(retryAfter));
      return { is: 'later' };
    }
    let body;
    try {
      if (makes('strict-parser') && response.headers.get('content-type') !== 'application/json') throw new Error('no JSON');
      body = JSON.parse(text); // whatever the Content-Type says
    } catch (error) {
      if (makes('strict-parser')) fallOver(error);
      return NOTHING_KNOWN;
    }
    if (makes('reads-http-status')) return { is: 'yes', body: body ?? {} };
    if (Array.isArray(body)) return { is: 'yes', body };
    const code = body?.resultCode;
    if (typeof code !== 'string') {
      if (makes('strict-parser')) fallOver(new Error(`no resultCode in ${text}`));
      return NOTHING_KNOWN;
    }
    if (code === '0000') return { is: 'yes', body };
    if (TEMPORARY.includes(code)) return { is: 'later' };
    // "System error" says nothing about money. Only of a status call it is documented: no success to tell of.
    if (code === SYSTEM_ERROR && path !== '/pg/transaction/status') return NOTHING_KNOWN;
    return { is: 'no', code };
  }

  register(order, urls, more) {
    const { txId, trt, currency, amount, method: paymentMethod, clientId } = order;
    return this.call('/pg/order/register', { txId, trt, currency, amount, paymentMethod, clientId, ...urls, ...more });
  }

  /** Gives money back: all that is left when no amount is given. */
  refund(order, amount) {
    return this.call('/pg/refund', { txId: order.txId, amount });
  }

  /** Lets a hold go, or takes a payment back before its day is closed; always the whole of it. */
  reversal(order) {
    return this.call('/pg/reversal', { txId: order.txId });
  }

  capture(order, amount) {
    return this.call('/pg/preAuthCompletion', { txId: order.txId, currency: order.currency, amount });
  }

  /**
   * What PAYON says of an order: { is: 'told', state, amount, currency }, 'open' (no success to tell of: unknown, not
   * paid yet, or not any more; these three look the same) or 'unknown' (no answer).
   */
  async status({ txId, amount, currency }) {
    const answer = await this.call('/pg/transaction/status', { txId, amount, currency });
    if (answer.is === 'no') return { is: answer.code === '-' ? 'taken-for-failed' : 'open' };
    if (answer.is !== 'yes') return { is: 'unknown' };
    const data = answer.body.resultData;
    if (makes('lost-answer-is-success') && !data) return { is: 'told', state: 'COMPLETE', amount, currency };
    if (makes('reads-http-status') && !data) return { is: 'told', state: 'COMPLETE', amount, currency };
    if (typeof data !== 'object' || data === null) return { is: 'unknown' };
    if (data.tracNo !== undefined && data.tracNo !== txId) return { is: 'unknown' };
    return { is: 'told', state: data.txStCd, amount: data.amount, currency: data.currencyCode };
  }

  /** All orders of these days (yyyyMMdd, both included); null when there is no answer. */
  async orders(from, to) {
    const day = (yyyyMMdd) => yyyyMMdd.slice(6) + yyyyMMdd.slice(4, 6) + yyyyMMdd.slice(0, 4);
    const rows = [];
    for (let index = 1; ; index += 1) {
      const page = { fromDate: day(from), toDate: day(to), index, limit: PAGE_ROWS };
      const answer = await this.#persistently('/pg/orders', page);
      if (!Array.isArray(answer?.body)) return null;
      rows.push(...answer.body);
      if (answer.body.length < PAGE_ROWS) return rows;
    }
  }

  /** PAYON's verdict on each row, in order: its code; null when there is no answer. */
  async reconcile(claims) {
    const codes = [];
    for (let at = 0; at < claims.length; at += PAGE_ROWS) {
      const answer = await this.#persistently('/pg/merchant/reconcilation', claims.slice(at, at + PAGE_ROWS));
      if (!Array.isArray(answer?.body)) return null;
      codes.push(...answer.body.map((row) => row?.resultCode));
    }
    return codes;
  }

  /** A call that only asks, made a few times if need be. */
  async #persistently(path, members) {
    for (let tried = 0; tried < 4; tried += 1) {
      if (tried > 0) await sleep(5 * 4 ** tried);
      const answer = await this.call(path, members);
      if (answer.is === 'yes' || answer.is === 'no') return answer;
    }
    return null;
  }

  bind(clientId, card) {
    const { number: wdlAcNo, cvv: wdlCvv, expiry: wdlExpiry } = card;
    return this.call('/pg/binding/register', { clientId, paymentMethod: 'CREDIT_DEBIT', wdlAcNo, wdlCvv, wdlExpiry });
  }

  bindings(clientId) {
    return this.call('/pg/bindingList', { clientId });
  }
}

async function readBounded(response) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The bug of a process that does not catch what it does not expect. */
export function fallOver(error) {
  console.error(error);
  process.exit(1);
}
