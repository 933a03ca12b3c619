//! The QR code itself, as SVG and as half-block characters. Error correction level M, with the quiet zone of four
//! modules that scanners expect.

use std::fmt::Write as _;

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

/// Light modules around the symbol.
const QUIET: usize = 4;

/// A text that no QR code holds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are too many for a QR code; at level M it holds at most 2331")]
pub struct DrawError(usize);

/// The QR code of `text` as one `<svg>` element, black on white, scalable without blur. It refers to nothing outside.
pub fn svg(text: &str) -> Result<String, DrawError> {
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
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" aria-label="KHQR" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path fill="#000" d="{path}"/></svg>"##
    ))
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
