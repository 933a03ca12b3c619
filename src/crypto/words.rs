//! Words of the `[sign]` table for the form of the signed string.

use crate::base::named_enum;

named_enum! {
    /// The order of the members in the string.
    pub enum Order ("an order of members") {
        /// As in the body.
        AsSent = "as-sent",
        /// Names sorted by byte value.
        Name = "name",
        /// Names sorted without regard to letter case.
        NameAnyCase = "name-any-case",
        /// Names sorted by byte value, last first.
        NameReversed = "name-reversed",
        /// As in the body, last first.
        AsSentReversed = "as-sent-reversed",
        /// Values sorted by byte value.
        Value = "value",
    }
}

named_enum! {
    /// The letter case of a text.
    pub enum TextCase ("a letter case") {
        /// Unchanged.
        AsSent = "as-sent",
        /// Lower case.
        Lower = "lower",
        /// Upper case.
        Upper = "upper",
    }
}

named_enum! {
    /// The digits of numbers, and of texts in members that are called an amount.
    pub enum Numbers ("a form of numbers") {
        /// Unchanged.
        AsSent = "as-sent",
        /// Without zeros at the end: `1.50` becomes `1.5`, `1.00` becomes `1`.
        Shortest = "shortest",
        /// As languages print a binary fraction: at least one decimal.
        Float = "float",
        /// Two decimals.
        TwoDecimals = "two-decimals",
        /// Cents: `1.00` becomes `100`.
        MinorUnits = "minor-units",
    }
}

named_enum! {
    /// The characters that are replaced within a value.
    pub enum Escape ("an escape") {
        /// Nothing is replaced.
        None = "none",
        /// Text keeps its quotation marks and escapes, as in the body.
        Quoted = "quoted",
        /// Blanks around the value are removed.
        Trimmed = "trimmed",
        /// Percent-encoding as in RFC 3986.
        Url = "url",
        /// The same, with hexadecimal digits in lower case.
        UrlLower = "url-lower",
        /// Percent-encoding that keeps `!'()*`, as JavaScript's `encodeURIComponent`.
        UrlComponent = "url-component",
        /// Percent-encoding that keeps `/`, as Python's `quote`.
        UrlPath = "url-path",
        /// Percent-encoding with `+` for a space.
        Form = "form",
        /// The same, with hexadecimal digits in lower case.
        FormLower = "form-lower",
        /// The form that Java and browsers use: `+` for a space, `*` kept, `~` encoded.
        FormStandard = "form-standard",
        /// The form of PHP's `urlencode`: `+` for a space, `~` and `*` encoded.
        FormPhp = "form-php",
        /// The form of .NET's `HttpUtility`: `+` for a space, `!*()` kept, hexadecimal digits in lower case.
        FormNet = "form-net",
        /// HTML escapes of `&`, `<`, `>` and `"`.
        Html = "html",
        /// The same, with `&#39;` for an apostrophe.
        HtmlApostrophe = "html-39",
        /// The same, with `&#039;` for an apostrophe, as PHP.
        HtmlPhp = "html-039",
        /// The same, with `&#x27;` for an apostrophe, as Python.
        HtmlHex = "html-x27",
        /// `\uXXXX` for every character beyond ASCII.
        Unicode = "unicode",
        /// `\/` for a slash.
        Slash = "slash",
        /// Both, as PHP's `json_encode`.
        UnicodeSlash = "unicode-slash",
        /// The length in bytes stands before each value.
        Length = "length-prefixed",
    }
}

named_enum! {
    /// The treatment of members that are `null` or `""`.
    pub enum EmptyValues ("a treatment of empty members") {
        /// Both are left out.
        Omit = "omit",
        /// Both are kept with an empty value.
        Keep = "keep",
        /// `""` is kept, `null` is left out.
        OnlyEmpty = "only-empty",
        /// `""` is kept, `null` is the word `null`.
        NullWord = "null-word",
        /// `""` is left out, `null` is the word `null`.
        OnlyNullWord = "only-null-word",
    }
}

named_enum! {
    /// The place of the signature's own member in the string.
    pub enum SignValue ("a treatment of the member sign") {
        /// It is left out.
        Absent = "absent",
        /// It is there with an empty text.
        Empty = "empty",
        /// It is there with `null`.
        Null = "null",
    }
}

named_enum! {
    /// The blanks of a JSON text.
    pub enum Layout ("a layout of JSON") {
        /// No blanks.
        Compact = "compact",
        /// A space behind each comma and colon, as Python writes it.
        Spaced = "spaced",
        /// A line a member, two spaces deep.
        Indent2 = "indent-2",
        /// A line a member, four spaces deep.
        Indent4 = "indent-4",
        /// A line a member, a tab deep.
        IndentTab = "indent-tab",
    }
}

named_enum! {
    /// The line ends within the string.
    pub enum LineEnds ("a form of line ends") {
        /// Unchanged.
        AsSent = "as-sent",
        /// Line feeds.
        Lf = "lf",
        /// Carriage return and line feed.
        Crlf = "crlf",
    }
}

named_enum! {
    /// A change to the whole string once it is complete.
    pub enum Transform ("a change to the whole string") {
        /// Nothing is changed.
        None = "none",
        /// Lower case.
        Lower = "lower",
        /// Upper case.
        Upper = "upper",
        /// Base64.
        Base64 = "base64",
        /// Base64 for URLs, without padding.
        Base64Url = "base64url",
        /// Hexadecimal digits.
        Hex = "hex",
        /// Percent-encoding as in RFC 3986.
        Url = "url",
        /// The same, with hexadecimal digits in lower case.
        UrlLower = "url-lower",
        /// Percent-encoding that keeps `!'()*`.
        UrlComponent = "url-component",
        /// Percent-encoding with `+` for a space.
        Form = "form",
        /// The same, with hexadecimal digits in lower case.
        FormLower = "form-lower",
        /// The same as a whole in lower case, as .NET programs do.
        FormAllLower = "form-all-lower",
    }
}

named_enum! {
    /// The character set of the string.
    pub enum Charset ("a character set") {
        /// UTF-8.
        Utf8 = "utf-8",
        /// UTF-16, low byte first.
        Utf16Le = "utf-16le",
        /// UTF-16, high byte first.
        Utf16Be = "utf-16be",
        /// ASCII, with `?` for every other character.
        Ascii = "ascii",
        /// Latin-1, with `?` for every other character.
        Latin1 = "latin-1",
    }
}

named_enum! {
    /// The form in which a first digest is signed.
    pub enum DigestForm ("a form of a digest") {
        /// Its bytes.
        Raw = "raw",
        /// Hexadecimal digits in lower case.
        Hex = "hex",
        /// Hexadecimal digits in upper case.
        HexUpper = "hex-upper",
        /// Base64.
        Base64 = "base64",
        /// Base64 for URLs, without padding.
        Base64Url = "base64url",
    }
}

named_enum! {
    /// The bytes that a shared key's text stands for.
    pub enum SecretForm ("a form of the shared key") {
        /// The text as it stands.
        Text = "text",
        /// The bytes that its hexadecimal digits stand for.
        Hex = "hex",
        /// The bytes that its Base64 stands for.
        Base64 = "base64",
        /// The hexadecimal MD5 of the text.
        Md5Hex = "md5-hex",
        /// The hexadecimal SHA-256 of the text.
        Sha256Hex = "sha256-hex",
    }
}
