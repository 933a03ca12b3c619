//! The three ways in which PAYON hides a card number. Each keeps only what its example keeps.

/// Fewest digits of which the first six and last four may be shown.
const FEWEST_DIGITS: usize = 13;

/// First six, two asterisks, last four: `520473**1003`, as the binding's answer has it (example).
pub fn short(number: &str) -> String {
    around(number, "**")
}

/// First six, six asterisks, last four: `401200******1112`, as the list of bindings has it
/// (example).
pub fn long(number: &str) -> String {
    around(number, "******")
}

/// Twelve asterisks, last four: `************0022`, as the status call has it (example).
pub fn last_four(number: &str) -> String {
    let tail = number.len().checked_sub(4).filter(|_| is_number(number)).map(|at| &number[at..]);
    format!("************{}", tail.unwrap_or("****"))
}

/// A text that is no card number is hidden whole.
fn around(number: &str, stars: &str) -> String {
    if number.len() < FEWEST_DIGITS || !is_number(number) {
        return "****".to_owned();
    }
    format!("{}{stars}{}", &number[..6], &number[number.len() - 4..])
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_masks() {
        assert_eq!(short("5204730000001003"), "520473**1003");
        assert_eq!(long("4012001037141112"), "401200******1112");
        assert_eq!(last_four("1234567890120022"), "************0022");
    }

    #[test]
    fn what_is_no_card_number_is_hidden_whole() {
        assert_eq!(short("123456"), "****");
        assert_eq!(long("ភ្នំពេញភ្នំពេញ"), "****");
        assert_eq!(last_four("abcdefgh"), "****************");
        assert_eq!(last_four("012"), "****************");
    }
}
