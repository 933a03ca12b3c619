// The shop's books: every order and saved card, in a file that outlives the process. Each change is one line of JSON,
// written before anything is done about it. The last line of an order counts. (A process that is killed loses nothing;
// against a power cut a shop uses a database.)

import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';

export class Books {
  #orders = new Map();
  #byTxId = new Map();
  #bindings = new Map();
  #file;

  constructor(path) {
    if (existsSync(path)) {
      const lines = readFileSync(path, 'utf8').split('\n');
      for (const line of lines.slice(0, -1)) this.#take(JSON.parse(line)); // what comes after the last line break was never finished
    }
    // Written anew, so that the file does not grow for ever and ends with a whole line.
    const all = [...this.#orders.values()].map((order) => ({ order }));
    all.push(...[...this.#bindings].map(([clientId, bindingId]) => ({ clientId, bindingId })));
    writeFileSync(`${path}.new`, all.map((line) => `${JSON.stringify(line)}\n`).join(''));
    renameSync(`${path}.new`, path);
    this.#file = openSync(path, 'a');
  }

  #take({ order, clientId, bindingId }) {
    if (order) {
      this.#orders.set(order.id, order);
      this.#byTxId.set(order.txId, order.id);
    } else if (bindingId) {
      this.#bindings.set(clientId, bindingId);
    } else {
      this.#bindings.delete(clientId);
    }
  }

  #write(line) {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#take(line);
  }

  /** The order of that number; a copy, which is stored by `save`. */
  get(id) {
    const order = this.#orders.get(id);
    return order && structuredClone(order);
  }

  /** The number of the order that has, or had, this txId. */
  find(txId) {
    return this.#byTxId.get(txId);
  }

  all() {
    return [...this.#orders.values()];
  }

  save(order) {
    this.#write({ order: structuredClone(order) });
  }

  /** Changes an order and stores it; what `change` returns is handed on. */
  change(id, change) {
    const order = this.get(id);
    const result = change(order);
    this.save(order);
    return result;
  }

  binding(clientId) {
    return this.#bindings.get(clientId);
  }

  /** Remembers a client's saved card by its id, or forgets it. */
  saveBinding(clientId, bindingId = null) {
    this.#write({ clientId, bindingId });
  }

  close() {
    closeSync(this.#file);
  }
}
