//! The QR code itself, as SVG and as half-block characters. Error correction level M, with the quiet zone of four
//! modules that scanners expect.

use std::fmt::Write as _;

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::base::Currency;

/// Light modules around the symbol.
const QUIET: usize = 4;

/// A text that no QR code holds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are too many for a QR code; at level M it holds at most 2331")]
pub struct DrawError(usize);

/// Share of a symbol's width that the mark in its middle covers. Level M restores 15 % of the data; this takes about 3 %.
const MARK: f64 = 0.18;

/// The sign of a currency as lines within 24 by 24, so that it needs no font. Few fonts have the riel's.
const fn sign(currency: Currency) -> &'static str {
    match currency {
        Currency::Usd => {
            "M15.8 8.6c0-1.8-1.6-3-3.8-3s-3.8 1.1-3.8 3c0 2 1.7 2.6 3.8 3.1s4 1.2 4 3.4-1.8 3.3-4 3.3-4-1.2-4-3.2M12 3.2v17.6"
        }
        Currency::Khr => "M15.3 3.5h-4.6L7.6 7.3l4.9 4.6v9.1H9.9a2.9 2.9 0 0 1 0-5.8h2.6M7 12.6h11",
    }
}

/// The QR code of `text` as one `<svg>` element, black on white, scalable without blur. It refers to nothing outside.
pub fn svg(text: &str) -> Result<String, DrawError> {
    labelled_svg(text, "KHQR", None)
}

/// The same with a name for those who do not see it, and with the sign of a currency in its middle, as KHQR cards have.
pub fn labelled_svg(
    text: &str,
    label: &'static str,
    currency: Option<Currency>,
) -> Result<String, DrawError> {
    let grid = Grid::of(text)?;
    let mut path = String::new();
    for y in 0..grid.side {
        let mut x = 0;
        while x < grid.side {
            let run = (x..grid.side).take_while(|x| grid.dark(*x, y)).count();
            if run > 0 {
                let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
            }
            x += run.max(1);
        }
    }
    let side = grid.side;
    let mark = currency.map(|currency| mark(side, currency)).unwrap_or_default();
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" aria-label="{label}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path fill="#000" d="{path}"/>{mark}</svg>"##
    ))
}

/// A black disc with a white rim and the sign of a currency, for the middle of a symbol of `side` modules.
fn mark(side: usize, currency: Currency) -> String {
    let modules = u32::try_from(side - 2 * QUIET).map_or(0.0, f64::from);
    // The disc and its rim lie within 28 by 28 around the sign.
    let scale = modules * MARK / 28.0;
    let at = f64::from(u32::try_from(side).unwrap_or_default()) / 2.0 - 12.0 * scale;
    format!(
        r##"<g transform="translate({at:.3} {at:.3}) scale({scale:.4})" shape-rendering="auto"><circle cx="12" cy="12" r="14" fill="#fff"/><circle cx="12" cy="12" r="12" fill="#000"/><path d="{}" transform="translate(1.8 1.8) scale(.85)" fill="none" stroke="#fff" stroke-width="2.2" stroke-linejoin="round"/></g>"##,
        sign(currency)
    )
}

/// The QR code of `text` in half-block characters, one line for two rows of modules. Each line sets black on white by
/// itself, so that it can be scanned from a dark terminal too.
pub fn terminal(text: &str) -> Result<String, DrawError> {
    let grid = Grid::of(text)?;
    let mut out = String::new();
    for y in (0..grid.side).step_by(2) {
        out.push_str("\x1b[30;107m");
        for x in 0..grid.side {
            out.push(match (grid.dark(x, y), grid.dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push_str("\x1b[0m\n");
    }
    Ok(out)
}

/// The modules with the quiet zone around them.
struct Grid {
    side: usize,
    modules: Vec<Color>,
}

impl Grid {
    fn of(text: &str) -> Result<Self, DrawError> {
        let code = (1..=40)
            .find_map(|version| in_bytes(text, Version::Normal(version)))
            .ok_or(DrawError(text.len()))?;
        Ok(Self { side: code.width() + 2 * QUIET, modules: code.to_colors() })
    }

    /// Returns true if a module is dark; all outside the symbol is light.
    fn dark(&self, x: usize, y: usize) -> bool {
        let inner = self.side - 2 * QUIET;
        let within = |at: usize| at.checked_sub(QUIET).filter(|at| *at < inner);
        match (within(x), within(y)) {
            (Some(x), Some(y)) => self.modules[y * inner + x] == Color::Dark,
            _ => false,
        }
    }
}

/// The symbol of one size, if the text fits. Byte mode throughout: the crate's own choice of modes takes pieces of
/// UTF-8 for Shift JIS, and readers then guess the wrong encoding for Khmer.
fn in_bytes(text: &str, version: Version) -> Option<QrCode> {
    let mut bits = Bits::new(version);
    bits.push_byte_data(text.as_bytes()).ok()?;
    bits.push_terminator(EcLevel::M).ok()?;
    QrCode::with_bits(bits, EcLevel::M).ok()
}
