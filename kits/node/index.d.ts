/** Members of a request or of an answer. */
export type Json = Record<string, any>
/** An order as `register` gives it, or its txId. */
export type Order = string | (Json & { txId: string })

/** A running simulator. */
export class Server {
  /** Base of the control plane. */
  readonly controlUrl: string
  /**
   * Joins the simulator at PAYON_SIM_URL, or starts one on a free port, which ends with this process. With flags of
   * `payon-sim serve` one is started in any case.
   */
  static start(options?: { flags?: string[]; binary?: string }): Promise<Server>
  /** Makes a space; the wishes such as name and seed are those of POST /_sim/v1/spaces. */
  space(wishes?: Json): Promise<Space>
  /** Ends a simulator that was started here. */
  close(): Promise<void>
}

/** An isolated world with one merchant. Give baseUrl, the ids and the keys to the code under test. */
export class Space {
  readonly name: string
  readonly baseUrl: string
  readonly controlUrl: string
  readonly merchantId: string
  readonly termId: string
  /** PKCS#8, Base64 DER on one line; a test key. */
  readonly privateKey: string
  /** SubjectPublicKeyInfo, Base64 DER on one line. */
  readonly gatewayPublicKey: string
  /** A noti_url that needs no listener: what is sent there, `pushback` reads. */
  inboxUrl(box?: string): string
  /** Calls the control plane below /_sim/v1/. */
  control(method: string, path: string, body?: unknown): Promise<any>
  /** Calls PAYON as the merchant, such as `/pg/refund`; merchantId and termId are added. */
  call(path: string, members: Json, options?: { sign?: boolean }): Promise<Json>
  /** Registers an order by card in US dollars; members of the request go before these. */
  register(amount?: string, members?: Json): Promise<Json & { txId: string }>
  /** Plays the payer: nothing said, the first card that is approved. */
  pay(order: Order, payer?: Json): Promise<Json>
  trigger(
    order: Order,
    event: 'expire' | 'cancel' | 'settle' | 'late-decline' | 'late-approval' | 'chargeback'
  ): Promise<Json>
  /** The order as the gateway's books have it. */
  order(order: Order): Promise<Json>
  /** Asks PAYON for the status of an order, as a merchant must after a push-back. */
  status(order: Json): Promise<Json>
  /** Asks PAYON for a refund, signed. */
  refund(order: Order, amount: string): Promise<Json>
  /** Waits for a push-back that came to `inboxUrl(box)`, and gives its body. */
  pushback(order?: Order, query?: Json): Promise<Json>
  wait(
    what: 'order-final' | 'pushback-acknowledged' | 'pushback-exhausted' | 'request' | 'inbox' | 'idle',
    query?: Json
  ): Promise<Json>
  /** Changes the clock of the space: `{ advance: '10m' }`, `{ freeze: true }`, `{ runUntilIdle: true }`. */
  clock(wish: Json): Promise<Json>
  /** Arms rules as in a scenario file in place of those before. */
  rules(...rules: Json[]): Promise<Json>
  /** Arms the rules of a scenario of the catalogue, such as S014. */
  scenario(id: string): Promise<Json>
  /** Judges expectations as under `expect` of a scenario file; throws with the evidence where one is not met. */
  verify(...expect: Json[]): Promise<Json[]>
  /** Requests, findings and push-backs of the space in words. */
  report(): Promise<string>
  /** Removes the space. */
  close(): Promise<void>
}

/**
 * A function for `test` of node:test, vitest and jest: it runs the body with a space of its own, on one simulator for
 * all, and adds the report of the space to the message of a failure.
 */
export function withSpace(body: (payon: Space) => unknown, wishes?: Json): () => Promise<void>
