// Pauses. All durations of this shop are in seconds of the gateway's time; against a simulator whose time runs faster,
// TIME_SCALE says how many of them pass in one real second.

const SCALE = Number(process.env.TIME_SCALE ?? 1);
if (!(SCALE > 0)) throw new Error(`TIME_SCALE must be a number above 0, not ${process.env.TIME_SCALE}`);

/** Real milliseconds of so many seconds: whole ones, since AbortSignal.timeout takes no others. */
export const ms = (seconds) => Math.ceil((seconds * 1000) / SCALE);

export const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, ms(seconds)));

/** The pause before the next try: doubled with each, up to five minutes. */
export const growing = (first, tried) => Math.min(first * 2 ** Math.min(tried, 10), 300);

/** Waits for a pause to pass, or for somebody to ring. */
export class Bell {
  #rung = false;
  #wake = () => {};

  ring() {
    this.#rung = true;
    this.#wake();
  }

  /** True when somebody has rung. */
  async wait(seconds) {
    if (!this.#rung) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, ms(seconds));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }
}
