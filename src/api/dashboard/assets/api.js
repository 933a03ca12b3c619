// The control API of the space that this page is about.

/** Below `root` lies all that the server has; a proxy may have put a path there. */
const [, root, name] = /^(.*?)(?:\/space\/([^/]+))?\/_sim\//.exec(location.pathname);

/** The text of an address; one that is encoded wrongly as it is. */
export const decode = (text) => {
  try { return decodeURIComponent(text); } catch { return text; }
};

/** The space's name. */
export const space = name ? decode(name) : "default";

/** Where PAYON's operations of this space begin. */
export const gateway = name ? `${root}/space/${name}` : root;

/** Where the calls of this space begin: `/_sim/` or `/space/{name}/_sim/`. */
export const base = `${gateway}/_sim/`;

/** The page of another space. */
export const spacePage = (name) => `${root}${name === "default" ? "" : `/space/${encodeURIComponent(name)}`}/_sim/`;

/** A call that failed, with what the server said of it. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? `the server answered ${status}`);
    Object.assign(this, { status, document });
  }
}

const refused = new Set();
/** Calls `act` when the server asks for a token. */
export const onLogin = (act) => refused.add(act);

/** `undefined`, null, false and "" are left out; arrays become several members. */
export function query(members) {
  const pairs = Object.entries(members).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter((one) => one || one === 0).map((one) => [name, one]));
  return new URLSearchParams(pairs).toString();
}

async function call(method, address, body, plain = false) {
  let answer;
  try {
    answer = await fetch(base + address, {
      method, credentials: "same-origin", cache: "no-store",
      ...(body === undefined ? {} : {
        headers: { "content-type": body instanceof URLSearchParams ? "application/x-www-form-urlencoded" : typeof body === "string" ? "application/yaml" : "application/json" },
        body: body instanceof URLSearchParams || typeof body === "string" ? body : JSON.stringify(body),
      }),
    });
  } catch {
    throw new Problem(0, { detail: "The simulator does not answer. Is it running?" });
  }
  if (!answer.ok) {
    const problem = new Problem(answer.status, await answer.json().catch(() => ({})));
    if (answer.status === 401 && address !== "login") refused.forEach((act) => act(problem));
    throw problem;
  }
  if (answer.status === 204) return null;
  return plain ? answer.text() : answer.json();
}

export const get = (address, members = {}) => {
  const text = query(members);
  return call("GET", `v1/${address}${text ? `?${text}` : ""}`);
};
export const post = (address, body = {}) => call("POST", `v1/${address}`, body);
/** Sends a text as it stands, YAML or JSON. */
export const postText = (address, text) => call("POST", `v1/${address}`, text);
export const remove = (address) => call("DELETE", `v1/${address}`);
/** Hands the token over; the server answers with a cookie that pages cannot read. */
export const login = (token) => call("POST", "login", new URLSearchParams({ token }), true);

/** The address of an order's calls. */
export const orderAddress = (merchantId, txId) =>
  `orders/${encodeURIComponent(merchantId)}/${encodeURIComponent(txId)}`;
