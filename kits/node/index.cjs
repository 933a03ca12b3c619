'use strict'
// Tests against payon-sim, the PAYON payment gateway on your own machine. The types stand in index.d.ts.

const { spawn } = require('node:child_process')
const { randomUUID } = require('node:crypto')
const { existsSync } = require('node:fs')
const path = require('node:path')
const { createInterface } = require('node:readline')

/** PAYON_SIM_BIN, else the program of this package or of one beside it, else the one on PATH. */
function findBinary() {
  if (process.env.PAYON_SIM_BIN) return process.env.PAYON_SIM_BIN
  const beside = [path.join(__dirname, 'bin', 'payon-sim'), path.join(__dirname, '..', '.bin', 'payon-sim')]
  return beside.find((file) => existsSync(file)) ?? 'payon-sim'
}

async function send(method, url, body, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })
  const text = await answer.text()
  return { status: answer.status, body: /^[[{]/.test(text) ? JSON.parse(text) : text }
}

class Server {
  constructor(controlUrl, token, process) {
    Object.assign(this, { controlUrl, token, process })
  }

  static async start({ flags = [], binary = findBinary() } = {}) {
    const { PAYON_SIM_CONTROL_URL, PAYON_SIM_URL, PAYON_SIM_CONTROL_TOKEN } = process.env
    const url = PAYON_SIM_CONTROL_URL || PAYON_SIM_URL
    if (url && flags.length === 0) return new Server(url.replace(/\/$/, ''), PAYON_SIM_CONTROL_TOKEN)
    const line = ['serve', '--port', '0', '--quiet', '--ready-file', '-', '--exit-with-parent', ...flags]
    const child = spawn(binary, line, { stdio: ['pipe', 'pipe', 'inherit'] })
    const ready = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve)
      child.once('exit', (code) => reject(new Error(`payon-sim ended with ${code} before it was ready; it says why above`)))
      child.once('error', (error) =>
        reject(new Error(`${error.message}: install the package payon-sim, or set PAYON_SIM_BIN to the program`))
      )
    })
    // The tests may end without waiting for it: then it ends with them.
    for (const handle of [child, child.stdin, child.stdout]) handle.unref()
    const { controlUrl, controlToken } = JSON.parse(ready)
    return new Server(controlUrl, controlToken, child)
  }

  async space(wishes = {}) {
    const { status, body } = await send('POST', `${this.controlUrl}/_sim/v1/spaces`, wishes, this.token)
    if (status !== 201) throw new Error(body.detail ?? body)
    return new Space(this, body)
  }

  async close() {
    if (!this.process || this.process.exitCode !== null) return
    const ended = new Promise((resolve) => this.process.once('exit', resolve))
    this.process.kill()
    await ended
  }
}

class Space {
  constructor(server, { name, baseUrl, controlUrl, gatewayPublicKey, merchants: [merchant] }) {
    Object.assign(this, { server, name, baseUrl, controlUrl, gatewayPublicKey, ...merchant })
  }

  inboxUrl(box = 'shop') {
    return `${this.baseUrl}/_sim/inbox/${box}`
  }

  async control(method, path, body) {
    const answer = await send(method, `${this.controlUrl}/_sim/v1/${path}`, body, this.server.token)
    if (answer.status >= 400) throw new Error(answer.body.detail ?? answer.body)
    return answer.body
  }

  async call(path, members, { sign = false } = {}) {
    let body = { merchantId: this.merchantId, termId: this.termId, ...members }
    if (sign) ({ body } = await this.control('POST', 'sign', { merchantId: this.merchantId, body }))
    return (await send('POST', this.baseUrl + path, body)).body
  }

  async register(amount = '1.00', members = {}) {
    const usual = { txId: randomUUID(), trt: '10', currency: 'USD', amount, paymentMethod: 'CREDIT_DEBIT' }
    const order = { ...usual, noti_url: this.inboxUrl(), ...members }
    const answer = await this.call('/pg/order/register', order)
    if (answer.resultCode !== '0000') throw new Error(`the order is refused: ${JSON.stringify(answer)}`)
    return { ...order, ...answer.resultData }
  }

  pay(order, payer = {}) {
    return this.control('POST', this.#path(order, '/pay'), payer)
  }

  trigger(order, event) {
    return this.control('POST', this.#path(order, '/trigger'), { event })
  }

  order(order) {
    return this.control('GET', this.#path(order))
  }

  status({ txId, amount, currency }) {
    return this.call('/pg/transaction/status', { txId, amount, currency })
  }

  refund(order, amount) {
    return this.call('/pg/refund', { txId: txIdOf(order), amount }, { sign: true })
  }

  async pushback(order, { box = 'shop', ...query } = {}) {
    const txId = order === undefined ? {} : { txId: txIdOf(order) }
    return (await this.wait('inbox', { box, ...txId, ...query })).message.json
  }

  wait(what, query = {}) {
    return this.control('GET', `wait?${new URLSearchParams({ for: what, ...query })}`)
  }

  clock(wish) {
    return this.control('POST', 'clock', wish)
  }

  rules(...rules) {
    return this.control('PUT', 'rules', rules)
  }

  scenario(id) {
    return this.control('POST', `scenarios/${encodeURIComponent(id)}/arm`, {})
  }

  async verify(...expect) {
    const { results } = await this.control('POST', 'verify', { expect })
    const failed = results.filter(({ ok }) => !ok).map((it) => `${JSON.stringify(it.expectation)}: ${it.detail}`)
    if (failed.length > 0) throw new Error(`not as expected:\n${failed.join('\n')}`)
    return results
  }

  async report() {
    return (await this.control('GET', 'report')).text
  }

  async close() {
    await send('DELETE', `${this.server.controlUrl}/_sim/v1/spaces/${this.name}`, undefined, this.server.token)
  }

  #path(order, verb = '') {
    return `orders/${this.merchantId}/${encodeURIComponent(txIdOf(order))}${verb}`
  }
}

const txIdOf = (order) => (typeof order === 'string' ? order : order.txId)

let shared

/** A function for node:test, vitest and jest that runs `body` with a space of its own. */
function withSpace(body, wishes = {}) {
  return async () => {
    shared ??= Server.start()
    const space = await (await shared).space(wishes)
    try {
      await body(space)
    } catch (error) {
      const report = await space.report().catch((problem) => `payon-sim cannot be asked: ${problem.message}`)
      if (error instanceof Error) {
        const told = `${error.message}\n\n${report}`
        // A framework shows either.
        error.stack = error.stack?.replace(error.message, () => told)
        error.message = told
      }
      throw error
    } finally {
      await space.close().catch(() => {})
    }
  }
}

module.exports = { Server, Space, withSpace }
