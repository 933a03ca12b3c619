// The bugs that this shop can be told to have: MISTAKE=ships-twice node shop.mjs. Without it the shop has none of them.
// Each is looked up by name where it does its harm, and nowhere else.

const MISTAKES = {
  'lost-answer-is-failure': 'takes an answer that never came for a refusal, and does not ask',
  'lost-answer-is-success': 'takes an answer that never came for a success',
  'retries-with-new-id': 'repeats a purchase under a new txId',
  'never-retries': 'gives up at the first fault instead of trying again',
  'retries-without-pause': 'tries again at once and without end',
  'repeats-refund': 'sends a refund again without asking what came of the first',
  'trusts-pushback': 'ships on a push-back alone',
  'ships-twice': 'ships once for every push-back',
  'trusts-return': "ships when the payer's browser comes back with success",
  'needs-return': 'forgets an order whose payer does not come back',
  'stores-late': 'stores an order only after it was registered',
  'ignores-amount': 'does not compare amounts and currencies',
  'last-news-wins': 'lets later news replace a final state',
  'never-polls': 'waits for a push-back and never asks by itself',
  'pending-is-failure': 'takes pending for failed',
  'pending-is-success': 'takes pending for paid',
  'slow-handler': 'answers push-backs only after a long time',
  'acknowledges-early': 'answers push-backs before storing them, and then loses them',
  'never-acknowledges': 'never acknowledges a push-back',
  'strict-parser': 'falls over what it does not expect',
  'reads-http-status': 'reads the HTTP status instead of the result code',
  'follows-redirects': 'follows redirects, and takes one that leads nowhere for a failure',
  'waits-forever': 'has no limit for a call',
  'reverses-settled': 'does not turn a reversal into a refund, or the reverse, when the day calls for it',
  'captures-late': 'ships although the hold has run out',
  'repeats-capture': 'captures and ships again without asking',
  'compares-text': 'compares amounts as text',
  'never-reconciles': 'never compares its books with the gateway',
  'keeps-binding': 'uses a saved card again and again that is gone',
  'leaks-card': 'copies card numbers into calls that need none',
};

const chosen = process.env.MISTAKE || null;
if (chosen !== null && !(chosen in MISTAKES)) {
  throw new Error(`MISTAKE=${chosen} is none of ${Object.keys(MISTAKES).join(', ')}`);
}

/** True when the shop has this bug. */
export function makes(mistake) {
  if (!(mistake in MISTAKES)) throw new Error(`no such mistake: ${mistake}`);
  return mistake === chosen;
}
