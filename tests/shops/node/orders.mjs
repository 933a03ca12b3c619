// What the shop does about its orders.
//
// The states of an order: NEW (stored, not yet known to be registered), WAITING (for the payer), HELD (the money is
// reserved for a capture), PAID, FAILED, EXPIRED, REFUNDED (all of it is given back), DISPUTED (a human must look).
//
// Whatever is heard of an order, by push-back, by the payer's return or by a timer, is a hint to ask PAYON; only the
// answer to the status call changes its state. Money moves by jobs that are stored before the call is made, so that a
// restart goes on where the process died.

import { randomBytes } from 'node:crypto';

import { Bell, growing, ms, sleep } from './clock.mjs';
import { makes } from './mistakes.mjs';
import { minor, text } from './money.mjs';

/** How long PAYON lets a payer pay, and how much longer the shop asks. */
const PAYABLE_S = 15 * 60;
const GRACE_S = 60;
const FIRST_POLL_S = 10;
const FIRST_RETRY_S = 2;
/** How long PAYON's books may lag behind its answers. */
const LAG_S = 60;
const DAY_S = 24 * 3600;
const CAMBODIA_MS = 7 * 3_600_000;

const POLLS_MAX = makes('retries-without-pause') ? 300 : Infinity;
const REGISTER_TRIES = makes('never-retries') ? 1 : 9;
const JOB_TRIES = makes('never-retries') ? 1 : makes('retries-without-pause') ? 200 : 24;

/** Result codes of refusals that tell where an order or its money is. */
const CODE = {
  DUPLICATE: '3001',
  REVERSED: '3102',
  REFUNDED: '3103',
  CAPTURED: '3104',
  NOT_CAPTURED: '3106',
  SETTLED: '3107',
  NOT_SETTLED: '3108',
  BINDING_GONE: '6001',
};

const METHODS = ['PAYON', 'CREDIT_DEBIT', 'PPCBANK_TRANSFER', 'BAKONG_KHQR'];

/** The states in which txStCd of the list of orders agrees with the books. */
const LISTED = {
  PAID: ['09', '10'],
  HELD: ['05'],
  REFUNDED: ['11', '12'],
  NEW: ['01', '20', '21', '22'],
  WAITING: ['01', '20', '21', '22'],
  FAILED: ['01', '20', '21', '22'],
  EXPIRED: ['01', '20', '21', '22'],
  DISPUTED: [],
};
const LISTED_AS = { '20': 'FAILED', '21': 'FAILED', '22': 'EXPIRED' };

/** The shop will not do what it is asked for; `message` says why. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Shop {
  #books;
  #payon;
  #url;
  #bells = new Map();
  #turns = new Map();
  #cards = new Map(); // for the bug leaks-card only

  constructor({ books, payon, url }) {
    this.#books = books;
    this.#payon = payon;
    this.#url = url;
  }

  /** Goes on where the last process stopped, and compares the books every day. */
  open() {
    for (const order of this.#books.all()) {
      if (order.state === 'NEW') inBackground(this.#register(order.id));
      else if (isOpen(order)) this.#watch(order.id);
      for (const [at, job] of order.jobs.entries()) {
        if (job.state === 'open') inBackground(this.#work(order.id, at));
      }
    }
    setInterval(() => inBackground(this.reconcile()), ms(DAY_S)).unref();
  }

  get(id) {
    const order = this.#books.get(id);
    if (!order) throw new Refusal(404, `there is no order ${id}`);
    return order;
  }

  all() {
    return this.#books.all();
  }

  // --- Orders ---

  /** Stores an order. The second result comes when it is registered with PAYON, or given up. */
  order({ amount, currency = 'USD', method = 'CREDIT_DEBIT', trt = '10', clientId, savedCard, reference = '' }) {
    const units = minor(amount, currency);
    if (units === null || units <= 0n) throw new Refusal(422, `amount ${amount} is no amount in ${currency}`);
    if (!METHODS.includes(method)) throw new Refusal(422, `method must be one of ${METHODS.join(', ')}`);
    if (trt !== '10' && trt !== '12') throw new Refusal(422, 'trt must be 10 (purchase) or 12 (pre-authorisation)');
    if (!/^[\w-]{0,12}$/.test(reference)) throw new Refusal(422, 'reference may have 12 letters, digits, _ and -');
    const id = `n${Date.now().toString(36)}${randomBytes(5).toString('hex')}`;
    const order = {
      id,
      txId: id + reference, // never used before, and nobody can guess it
      trt,
      amount: text(units, currency),
      currency,
      method,
      clientId,
      savedCard: Boolean(savedCard),
      state: 'NEW',
      shipped: 0,
      captured: null, // the sum, once a hold is captured
      refunded: text(0n, currency),
      jobs: [],
      news: 0, // what was heard of it
      asked: 0, // as much of the news as PAYON has been asked about
      badNews: false,
    };
    if (makes('stores-late')) return [id, this.#registerThenStore(order)];
    this.#books.save(order);
    return [id, this.#register(id)];
  }

  /** Registers a stored order: under its own txId, however often it takes. */
  async #register(id) {
    let known = true;
    for (let tried = 0; tried < REGISTER_TRIES; tried += 1) {
      if (tried > 0) await this.#pause(FIRST_RETRY_S, tried - 1);
      const order = this.#books.get(id);
      if (order.state !== 'NEW') return undefined; // it has been paid meanwhile
      const answer = await this.#payon.register(order, this.#urls(order), this.#moreOf(order));
      if (answer.is === 'yes') return this.#registered(id, answer.body.resultData);
      known = known && answer.is !== 'lost';
      if (answer.is === 'no') {
        if (answer.code === CODE.BINDING_GONE && order.savedCard) await this.#forgetCard(order);
        else if (answer.code === CODE.DUPLICATE && !makes('retries-with-new-id')) {
          if (await this.#isOurs(order)) return this.#registered(id, null);
          if (tried > 0) this.#rename(id, tried);
        } else if (answer.code !== CODE.DUPLICATE) {
          return this.#giveUp(id, `PAYON refused it with ${answer.code}`);
        }
      }
      if (makes('retries-with-new-id')) this.#rename(id, tried);
    }
    if (known || makes('never-retries')) return this.#giveUp(id, 'PAYON could not take it');
    return this.#registered(id, null); // perhaps it was: PAYON is asked until it can be paid no more
  }

  #giveUp(id, why) {
    this.#change(id, (order) => order.state === 'NEW' && fail(order, why));
  }

  async #registerThenStore(order) {
    const answer = await this.#payon.register(order, this.#urls(order), {});
    this.#books.save(order);
    if (answer.is === 'yes') this.#registered(order.id, answer.body.resultData);
    else await this.#register(order.id);
  }

  #registered(id, data) {
    this.#change(id, (order) => {
      if (order.state === 'NEW') order.state = 'WAITING';
      order.checkoutUrl = data?.checkoutUrl ?? null;
      order.day = data?.txDt ?? null; // by PAYON's calendar
      order.until = Date.now() + ms(PAYABLE_S + GRACE_S); // by our own clock, which may differ from PAYON's
    });
    if (!makes('never-polls')) this.#watch(id);
  }

  #urls({ id }) {
    const back = (result) => `${this.#url}/return/${result}/${id}`;
    return {
      noti_url: `${this.#url}/noti`,
      success_url: back('success'),
      fail_url: back('fail'),
      cancel_url: back('cancel'),
    };
  }

  #moreOf(order) {
    const more = {};
    if (order.savedCard) more.bindingId = this.#books.binding(order.clientId);
    if (makes('leaks-card')) more.wdlAcNo = this.#cards.get(order.clientId);
    return more;
  }

  /** A txId that is taken: is it taken by this order, of which the answer was lost? Our numbers are ours alone. */
  async #isOurs(order) {
    const status = await this.#payon.status(order);
    if (status.is === 'told') return true;
    return (await this.#listed(order)) !== undefined;
  }

  /** Gives an order another txId. */
  #rename(id, tried) {
    this.#change(id, (order) => {
      order.txId = `${id}-${tried + 1}`;
    });
  }

  // --- News ---

  /** The order that PAYON calls so. */
  find(txId) {
    return this.#books.find(txId);
  }

  /** Notes a push-back about an order, and asks what is behind it. */
  heard(id, code) {
    const good = code === '0000';
    if (makes('trusts-pushback')) {
      this.#change(id, (order) => {
        if (!good) fail(order, 'the push-back said so');
        else if (order.state !== 'REFUNDED') this.#pay(order);
      });
      return;
    }
    this.#change(id, (order) => hear(order, !good));
    if (makes('ships-twice') || makes('last-news-wins')) inBackground(this.#believe(id, good));
    else this.#watch(id);
  }

  /** The bugs of a shop that asks, and then does as the push-back says. */
  async #believe(id, good) {
    const told = await this.check(id);
    this.#change(id, (order) => {
      if (makes('ships-twice') && good && isSuccess(told)) {
        order.pushBacks = (order.pushBacks ?? 0) + 1;
        order.shipped = Math.max(order.shipped, order.pushBacks);
      }
      if (makes('last-news-wins') && !isPending(order)) order.state = good ? 'PAID' : 'FAILED';
    });
    this.#watch(id);
  }

  /** The payer has come back to one of the shop's addresses, which proves nothing. */
  cameBack(id, result) {
    this.#change(id, (order) => {
      order.returned = true;
      hear(order, result !== 'success');
      if (makes('trusts-return') && result === 'success') this.#pay(order);
    });
    this.#watch(id);
  }

  /** Sees to it that PAYON is asked about an order until it is settled, and at once when there is news. */
  #watch(id) {
    if (!this.#bells.has(id)) {
      this.#bells.set(id, new Bell());
      inBackground(this.#ask(id, this.#bells.get(id)));
    }
    if (hasNews(this.#books.get(id))) this.#bells.get(id).ring();
  }

  /** Asks with growing pauses, which news begin anew. */
  async #ask(id, bell) {
    try {
      for (let asked = 0, all = 0; isOpen(this.#books.get(id)) && all < POLLS_MAX; asked += 1, all += 1) {
        const rung = await bell.wait(makes('retries-without-pause') ? 0 : growing(FIRST_POLL_S, asked));
        if (rung) asked = 0;
        const told = await this.check(id);
        if (told === 'unknown' && makes('never-retries')) return;
        if (told !== 'unknown' && makes('never-polls')) return;
      }
    } finally {
      this.#bells.delete(id); // at once: whoever has news from now on begins anew
    }
  }

  /** Asks PAYON about an order and books what it says. */
  check(id) {
    return this.#inTurn(id, async () => {
      const order = this.#books.get(id);
      if (order.closed) return 'closed';
      const status = await this.#payon.status(order);
      // Not paid, not yet or never? The list tells, which is asked where there is reason to believe the worst.
      const isDoubtful = status.is === 'open' && isPending(order) && ((hasNews(order) && order.badNews) || isOver(order));
      const row = isDoubtful ? await this.#listed(order) : undefined;
      this.#change(id, (it) => {
        if (status.is === 'taken-for-failed' && isPending(it)) shut(it, 'FAILED');
        if (status.is === 'open') this.#bookOpen(it, LISTED_AS[row?.txStCd]);
        if (status.is === 'told') this.#bookTold(it, status);
        if (status.is !== 'unknown') it.asked = order.news;
      });
      return status.is === 'told' ? status.state : status.is;
    });
  }

  /** PAYON has no success to tell of. */
  #bookOpen(order, listed) {
    if (isPending(order)) {
      if (makes('pending-is-failure')) shut(order, 'FAILED');
      else if (makes('pending-is-success')) shut(order, 'PAID');
      else if (listed) order.state = listed;
      else if (isOver(order)) order.state = 'EXPIRED';
    } else if (order.state === 'HELD') {
      order.state = 'EXPIRED'; // the bank has let the hold go
    } else if (order.state === 'PAID') {
      dispute(order, 'PAYON knows nothing of the payment any more');
    }
  }

  /** PAYON tells a success. */
  #bookTold(order, { state, amount, currency }) {
    if (order.jobs.some((job) => job.state === 'open' && job.sent)) return; // what this means is the job's business
    const settled = ['PAID', 'HELD', 'REFUNDED'].includes(order.state);
    if (!this.#samePrice(order, amount, currency)) {
      if (!settled) dispute(order, `PAYON tells ${amount} ${currency}`);
    } else if (state === 'COMPLETE') {
      if (order.trt === '10' && !settled) this.#pay(order);
      if (order.trt === '12' && order.captured === null) dispute(order, 'captured by somebody else');
    } else if (state === 'AUTHORIZED') {
      if (order.trt === '12' && !settled) order.state = 'HELD';
    } else if (state === 'REFUNDED' || state === 'REVERSED') {
      if (order.state !== 'REFUNDED') {
        order.state = 'REFUNDED';
        order.refunded = text(taken(order), order.currency);
        order.note = 'given back, but not by the shop';
      }
    } else if (state === 'PARTIALLY_REFUNDED') {
      if (minor(order.refunded, order.currency) === 0n) dispute(order, 'given back in part, but not by the shop');
    }
  }

  #samePrice(order, amount, currency) {
    if (makes('ignores-amount')) return true;
    if (makes('compares-text')) return String(amount) === Number(order.amount).toFixed(2) && currency === order.currency;
    if (currency !== order.currency) return false;
    const told = minor(amount, currency);
    // Of a capture in part PAYON does not say which of the two sums is told.
    return told !== null && (told === minor(order.amount, currency) || told === taken(order));
  }

  /** Books a payment and ships, once, what is not shipped on capture. */
  #pay(order) {
    if (makes('needs-return') && !order.returned) return;
    order.state = 'PAID';
    order.note = null;
    if (order.trt === '10') ship(order);
  }

  // --- Money that moves after the payment ---

  /** Gives money back: by `kind` ('refund' or 'reversal'), or by the other where the day calls for it. */
  giveBack(id, kind, amount) {
    const order = this.get(id);
    if (order.state === 'REFUNDED' && amount === undefined) return undefined; // it is done
    if (order.state !== 'PAID' && order.state !== 'HELD') {
      throw new Refusal(409, `there is nothing to give back: the order is ${order.state}`);
    }
    const left = taken(order) - minor(order.refunded, order.currency) - underWay(order);
    const asked = amount === undefined ? left : minor(amount, order.currency);
    if (asked === null || asked <= 0n) throw new Refusal(422, `amount ${amount} is no amount in ${order.currency}`);
    if (asked > left) throw new Refusal(409, `only ${text(left, order.currency)} is left`);
    const all = asked === taken(order);
    if (order.state === 'HELD' && !all) throw new Refusal(409, 'a hold can only be let go as a whole');
    const way = order.state === 'HELD' ? 'reversal' : all ? kind : 'refund';
    return this.#begin(id, { kind: way, amount: text(asked, order.currency), all: amount === undefined || all });
  }

  /** Captures what is held, all of it when no amount is given, and ships. */
  capture(id, amount) {
    const order = this.get(id);
    if (order.jobs.some((job) => job.kind === 'capture' && job.state !== 'refused')) return undefined; // once is enough
    if (order.state !== 'HELD') throw new Refusal(409, `there is nothing to capture: the order is ${order.state}`);
    const asked = amount === undefined ? minor(order.amount, order.currency) : minor(amount, order.currency);
    if (asked === null || asked <= 0n) throw new Refusal(422, `amount ${amount} is no amount in ${order.currency}`);
    if (asked > minor(order.amount, order.currency) && !makes('ignores-amount')) {
      throw new Refusal(409, `only ${order.amount} is held; the rest needs a payment of its own`);
    }
    return this.#begin(id, { kind: 'capture', amount: text(asked, order.currency) });
  }

  #begin(id, job) {
    const at = this.#change(id, (order) => order.jobs.push({ ...job, state: 'open', sent: false }) - 1);
    return this.#work(id, at);
  }

  /** Works at a job until it is done or refused. */
  async #work(id, at) {
    for (let tried = 0; tried < JOB_TRIES; tried += 1) {
      if (tried > 0) await this.#pause(FIRST_RETRY_S, tried - 1);
      await this.#inTurn(id, () => this.#try(id, at));
      if (this.#books.get(id).jobs[at].state !== 'open') return;
    }
    this.#change(id, (order) => {
      order.jobs[at].state = 'refused';
      dispute(order, `nobody knows what became of the ${order.jobs[at].kind}`);
    });
  }

  async #try(id, at) {
    const order = this.#books.get(id);
    const job = order.jobs[at];
    const repeats = job.kind === 'capture' ? makes('repeats-capture') : makes('repeats-refund');
    if (job.sent && !repeats) {
      // The last call may have moved the money: PAYON is asked before it is moved again.
      const found = await this.#became(order, job);
      if (found === 'done') return this.#done(id, at);
      if (found === 'gone') return this.#refused(id, at, 'the payment is not there any more');
      if (found === 'unknown') return undefined;
    }
    this.#change(id, (it) => {
      it.jobs[at].sent = true;
    });
    const answer = await this.#payon[job.kind](order, job.all ? undefined : job.amount);
    if (answer.is === 'yes') {
      this.#done(id, at);
      if (job.kind === 'capture' && makes('repeats-capture')) await this.#payon.capture(order, job.amount);
    }
    if (answer.is === 'no') return this.#answered(id, at, answer.code);
    return undefined;
  }

  /** A refusal, which may say that it is done already, or that it is to be done in the other way. */
  #answered(id, at, code) {
    const { kind, all } = this.#books.get(id).jobs[at];
    if (kind === 'capture') {
      if (code === CODE.CAPTURED) return undefined; // by an earlier try? It is asked before the next.
      if (makes('captures-late') || makes('ignores-amount')) return this.#done(id, at);
    } else if (makes('repeats-refund')) {
      return undefined;
    } else if (all && (code === CODE.REVERSED || code === CODE.REFUNDED)) {
      return this.#done(id, at);
    } else if (!makes('reverses-settled')) {
      if (kind === 'reversal' && code === CODE.SETTLED) return this.#turnInto('refund', id, at);
      const isTooEarly = code === CODE.NOT_SETTLED || code === CODE.NOT_CAPTURED;
      if (kind === 'refund' && all && isTooEarly) return this.#turnInto('reversal', id, at);
    }
    return this.#refused(id, at, `PAYON refused it with ${code}`);
  }

  #turnInto(kind, id, at) {
    this.#change(id, (order) => Object.assign(order.jobs[at], { kind, sent: false }));
    return this.#try(id, at);
  }

  #refused(id, at, why) {
    this.#change(id, (order) => {
      order.jobs[at].state = 'refused';
      order.note = `${order.jobs[at].kind}: ${why}`;
      if (!makes('lost-answer-is-failure')) hear(order, true); // the books were wrong, then
    });
    this.#watch(id);
  }

  #done(id, at) {
    this.#change(id, (order) => {
      const job = order.jobs[at];
      job.state = 'done';
      if (job.kind === 'capture') {
        order.captured = job.amount;
        order.state = 'PAID';
        ship(order);
        if (makes('repeats-capture')) order.shipped += 1;
        return;
      }
      const sum = minor(order.refunded, order.currency) + minor(job.amount, order.currency);
      order.refunded = text(sum, order.currency);
      if (sum >= taken(order)) order.state = 'REFUNDED';
    });
  }

  /** What has become of a job whose call may have got through: 'done', 'not', 'gone' or 'unknown'. */
  async #became(order, job) {
    const status = await this.#payon.status(order);
    if (status.is === 'open') return this.#becameBy(await this.#listed(order), job);
    if (status.is !== 'told') return 'unknown';
    if (job.kind === 'capture') return { AUTHORIZED: 'not', COMPLETE: 'done' }[status.state] ?? 'unknown';
    const before = minor(order.refunded, order.currency);
    const after = before + minor(job.amount, order.currency);
    switch (status.state) {
      case 'REFUNDED':
      case 'REVERSED':
        return after === taken(order) ? 'done' : 'gone';
      case 'AUTHORIZED':
      case 'COMPLETE':
        return 'not';
      case 'PARTIALLY_REFUNDED':
        return before === 0n ? 'done' : this.#becameRefunded(order, after);
      default:
        return 'unknown';
    }
  }

  /** The same by the row of the list, for an order of which the status has no success to tell. */
  #becameBy(row, job) {
    if (row === undefined) return 'unknown';
    if (job.kind !== 'capture' && ['11', '12'].includes(row.txStCd)) return 'done';
    return LISTED_AS[row.txStCd] ? 'gone' : 'unknown';
  }

  /** Of several refunds in part the status does not tell the sum, but the reconciliation call confirms it or not. */
  async #becameRefunded(order, sum) {
    const claim = { txId: order.txId, grandToTAmt: Number(text(sum, order.currency)), transactionType: 'REFUND' };
    const codes = await this.#payon.reconcile([claim]);
    return { '0000': 'done', 3003: 'not' }[codes?.[0]] ?? 'unknown';
  }

  // --- Comparing the books ---

  /** Compares the books with PAYON's, by the list of orders and by the reconciliation call. */
  async reconcile() {
    if (makes('never-reconciles')) return;
    await this.compareByList();
    await this.#compareByCall();
  }

  async compareByList() {
    const orders = this.#books.all();
    if (orders.length === 0) return;
    const rows = await this.#payon.orders(...days(orders));
    for (const row of rows ?? []) {
      const id = this.find(row?.tracNo);
      if (id && !LISTED[this.#books.get(id).state].includes(row.txStCd)) await this.#lookInto(id);
    }
  }

  async #compareByCall() {
    const claims = this.#books.all().map(claimOf).filter((claim) => claim !== null);
    const codes = await this.#payon.reconcile(claims.map(({ row }) => row));
    for (const [at, code] of (codes ?? []).entries()) {
      if (code !== '0000') await this.#lookInto(claims[at].id);
    }
  }

  /** Asks about an order that PAYON's books tell otherwise, and does again what was answered but never booked. */
  async #lookInto(id) {
    let state = await this.check(id);
    const undone = (job) =>
      job.state === 'done' &&
      (job.kind === 'capture' ? state === 'AUTHORIZED' : state === 'COMPLETE' || state === 'AUTHORIZED');
    if (!this.#books.get(id).jobs.some(undone)) return;
    await sleep(LAG_S); // it may be booked a moment after it was answered
    state = await this.check(id);
    const { jobs } = this.#books.get(id);
    if (!jobs.some(undone) || jobs.some((job) => job.state === 'open')) return;
    this.#change(id, (it) => {
      for (const job of it.jobs.filter(undone)) {
        job.state = 'open';
        if (job.kind === 'capture') it.captured = null;
        else it.refunded = text(0n, it.currency);
      }
      it.state = state === 'AUTHORIZED' ? 'HELD' : 'PAID';
    });
    const again = this.#books.get(id).jobs;
    for (const [at, job] of again.entries()) if (job.state === 'open') await this.#work(id, at);
  }

  /** The row of an order in PAYON's list; undefined when it is not there, or there is no answer. */
  async #listed(order) {
    const rows = await this.#payon.orders(...days([order]));
    return rows?.find((row) => row?.tracNo === order.txId);
  }

  // --- Saved cards ---

  /** Saves a client's card with PAYON; the shop keeps the id only, never the number. */
  async bind(clientId, card) {
    if (makes('leaks-card')) this.#cards.set(clientId, card.number);
    const answer = await this.#payon.bind(clientId, card);
    if (answer.is !== 'yes') throw new Refusal(502, 'the card could not be saved; please try again');
    this.#books.saveBinding(clientId, answer.body.bindingId);
    return { clientId, saved: true };
  }

  /** A saved card is gone: the next try goes without it, and the payer is asked for a card. */
  async #forgetCard({ id, clientId }) {
    if (makes('keeps-binding')) return;
    const answer = await this.#payon.bindings(clientId);
    const listed = answer.is === 'yes' ? (answer.body.resultData ?? []) : [];
    if (!listed.some((row) => row?.bindingId === this.#books.binding(clientId))) this.#books.saveBinding(clientId);
    this.#change(id, (order) => {
      order.savedCard = false;
    });
  }

  // --- Helpers ---

  #change(id, change) {
    return this.#books.change(id, change);
  }

  #pause(first, tried) {
    return makes('retries-without-pause') ? undefined : sleep(growing(first, tried));
  }

  /** One at a time for each order, so that no answer overtakes another. */
  #inTurn(id, work) {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => {});
    this.#turns.set(id, settled);
    settled.then(() => this.#turns.get(id) === settled && this.#turns.delete(id));
    return turn;
  }
}

/** Lets something go on by itself; nothing of it may take the process along. */
function inBackground(promise) {
  promise.catch((error) => console.error(error));
}

const isPending = (order) => order.state === 'NEW' || order.state === 'WAITING';
const isOver = (order) => order.state !== 'NEW' && Date.now() >= order.until;
const hasNews = (order) => order.news > order.asked;
const isOpen = (order) => (isPending(order) || hasNews(order)) && !order.closed;

/** The sum that was taken from the payer: captured, or else ordered. */
const taken = (order) => minor(order.captured ?? order.amount, order.currency);

/** The sum of refunds that are not decided yet. */
const underWay = (order) =>
  order.jobs
    .filter((job) => job.state === 'open' && job.kind !== 'capture')
    .reduce((sum, job) => sum + minor(job.amount, order.currency), 0n);

/** Notes that there is news of an order, of which PAYON is to be asked. */
function hear(order, isBad) {
  // Good news does not hide bad news that nobody has followed up yet.
  order.badNews = isBad || (hasNews(order) && order.badNews);
  order.news += 1;
}

function ship(order) {
  if (order.shipped === 0) order.shipped = 1;
}

/** True for a state that PAYON has told, and not for the lack of one. */
const isSuccess = (told) => !['open', 'unknown', 'closed', 'taken-for-failed'].includes(told);

function fail(order, why) {
  order.state = 'FAILED';
  order.note = why;
}

/** Closes an order to later news, which only a shop with a bug does. */
function shut(order, state) {
  order.state = state;
  order.closed = true;
  if (state === 'PAID') ship(order);
}

function dispute(order, why) {
  order.state = 'DISPUTED';
  order.note = why;
}

/**
 * The days (yyyyMMdd, from and to) in which orders may have been registered. PAYON's calendar is Cambodia's, and where
 * it has told no day our own may differ by one.
 */
function days(orders) {
  const day = (ms) => new Date(ms).toISOString().slice(0, 10).replaceAll('-', '');
  const now = Date.now() + CAMBODIA_MS;
  const all = [day(now - DAY_S * 1000), day(now + DAY_S * 1000), ...orders.map((order) => order.day).filter(Boolean)].sort();
  return [all[0], all.at(-1)];
}

/** What the books claim of an order's money, as a row of the reconciliation call. */
function claimOf(order) {
  const isHold = order.trt === '12';
  const type =
    order.state === 'HELD' ? 'PRE_AUTH'
    : order.state === 'PAID' ? (isHold ? 'PRE_AUTH_COMPLETE' : 'PURCHASE')
    : order.state === 'REFUNDED' ? givenBackAs(order)
    : null;
  if (type === null) return null;
  const row = { txId: order.txId, grandToTAmt: Number(text(taken(order), order.currency)), transactionType: type };
  return { id: order.id, row };
}

function givenBackAs(order) {
  if (!order.jobs.some((job) => job.kind === 'reversal' && job.state === 'done')) return 'REFUND';
  if (order.trt === '10') return 'PURCHASE_REVERSAL';
  return order.captured === null ? 'PRE_AUTH_REVERSAL' : 'PRE_AUTH_COMPLETE_REVERSAL';
}
