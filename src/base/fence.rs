//! A fence around work on data that may be damaged: a panic there is an answer, and its caller says what it means.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_FENCED: Cell<bool> = const { Cell::new(false) };
}

/// Does work of this thread that may panic: `None` where it did. Nothing is printed of that.
pub fn fenced<R>(work: impl FnOnce() -> R) -> Option<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_FENCED.get() {
                usual(panic);
            }
        }));
    });
    let outer = IS_FENCED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_FENCED.set(outer);
    result.ok()
}
