//! The closed set of reasons for which something succeeds, is refused or declined.
//!
//! A reason is a stable name; what the merchant sees of it (code, message, HTTP status) is data of the profile.

use super::named_enum;

macro_rules! reasons {
    ($($variant:ident = $name:literal, $about:literal;)+) => {
        named_enum! {
            /// Reason why a request, a payment or a step was answered as it was.
            pub enum Reason ("a reason") { $(#[doc = $about] $variant = $name,)+ }
        }
    };
}

reasons! {
    Success = "success", "It worked.";
    // The request itself.
    MalformedJson = "request.malformed-json", "The body is not the JSON that the operation takes.";
    MalformedHttp = "request.malformed-http", "The request is not HTTP/1.1 as RFC 9112 has it.";
    TooLarge = "request.too-large", "The body is larger than the gateway accepts.";
    UnknownPath = "request.unknown-path", "No operation lives at this path.";
    WrongMethod = "request.wrong-method", "The operation is called with POST.";
    FieldMissing = "field.missing", "A required field is missing, null or empty.";
    FieldInvalid = "field.invalid", "A field has the wrong type or a value outside what the operation takes.";
    AmountInvalid = "amount.invalid", "The amount is not a positive decimal of the currency.";
    CurrencyUnsupported = "currency.unsupported", "The currency is not offered by this operation.";
    // Who is talking.
    MerchantUnknown = "merchant.unknown", "No such merchant.";
    TerminalUnknown = "terminal.unknown", "The terminal does not belong to the merchant.";
    TokenInvalid = "token.invalid", "The Authentication header is missing or wrong.";
    SignMissing = "sign.missing", "The operation wants a signature and none came.";
    SignInvalid = "sign.invalid", "The signature does not fit the body.";
    // The order.
    OrderNotFound = "order.not-found", "The merchant has no order with this txId.";
    OrderDuplicate = "order.duplicate", "The txId is taken by an order with other content.";
    OrderExpired = "order.expired", "The order was not paid in time.";
    OrderCancelled = "order.cancelled", "The payer cancelled the order.";
    OrderAlreadyPaid = "order.already-paid", "The order is paid already.";
    OrderPending = "order.pending", "The payer has not finished yet.";
    OrderFailed = "order.failed", "The payment failed.";
    StateNotAllowed = "state.not-allowed", "The order's state does not allow the operation.";
    AlreadyReversed = "state.already-reversed", "The payment is reversed already.";
    AlreadyRefunded = "state.already-refunded", "The payment is refunded in full already.";
    AlreadyCaptured = "state.already-captured", "The pre-authorisation is completed already.";
    NotAuthorised = "state.not-authorised", "There is no open pre-authorisation to complete.";
    NotCaptured = "state.not-captured", "Nothing has been captured that could be refunded.";
    AlreadySettled = "state.already-settled", "The day of the payment is closed; refund instead of reversing.";
    NotSettled = "state.not-settled", "The payment is not settled yet; reverse instead of refunding.";
    AmountMismatch = "amount.mismatch", "The amount differs from the order's.";
    CurrencyMismatch = "currency.mismatch", "The currency differs from the order's.";
    AmountExceedsAuthorised = "amount.exceeds-authorised", "More than was authorised.";
    AmountExceedsCaptured = "amount.exceeds-captured", "More than is left of the captured sum.";
    ApprovalMismatch = "approval.mismatch", "The approvalNo is not the one of this order.";
    PreAuthMethod = "preauth.method", "Pre-authorisation is for credit/debit cards only.";
    MethodNotOffered = "method.not-offered", "The order cannot be paid with this method.";
    TypeMismatch = "type.mismatch", "The transaction type is not what happened to the order.";
    // The payer.
    PayerCancelled = "payer.cancelled", "The payer gave up.";
    CustomerInvalid = "customer.invalid", "The customer id is missing, malformed or unknown.";
    CardUnknown = "card.unknown", "The number is not in the table of test cards.";
    CardExpiryMismatch = "card.expiry-mismatch", "The expiry is not the card's.";
    CardWrongCvv = "card.wrong-cvv", "The security code is wrong (issuer N7/82).";
    CardDoNotHonour = "card.do-not-honour", "The issuer declined without a reason (05).";
    CardInsufficientFunds = "card.insufficient-funds", "The account lacks funds (51).";
    CardExpired = "card.expired", "The card has expired (54).";
    CardLost = "card.lost", "The card was reported lost (41).";
    CardStolen = "card.stolen", "The card was reported stolen (43).";
    CardRestricted = "card.restricted", "The card is restricted (62).";
    CardLimitExceeded = "card.limit-exceeded", "The amount is above the card's limit (61).";
    CardTooManyUses = "card.too-many-uses", "The card was used too often (65).";
    CardWrongPin = "card.wrong-pin", "The PIN is wrong (55).";
    CardPinTriesExceeded = "card.pin-tries-exceeded", "The PIN was wrong too often (75).";
    CardSuspectedFraud = "card.suspected-fraud", "The issuer suspects fraud (59).";
    IssuerUnavailable = "issuer.unavailable", "The issuer does not answer (91).";
    IssuerMalfunction = "issuer.malfunction", "The issuer's system failed (96).";
    IssuerTimeout = "issuer.timeout", "No answer from the issuer; the outcome is unknown (68).";
    AcsRejected = "acs.rejected", "The issuer's access control server did not authenticate the payer.";
    AcsAbandoned = "acs.abandoned", "The payer left the issuer's page.";
    AcsUnavailable = "acs.unavailable", "The issuer's access control server is down.";
    AcsMismatch = "acs.mismatch", "The authentication result does not belong to this payment.";
    OtpWrong = "otp.wrong", "The one-time password is wrong.";
    OtpExpired = "otp.expired", "The one-time password is no longer valid.";
    OtpTriesExceeded = "otp.tries-exceeded", "The one-time password was wrong too often.";
    PasscodeWrong = "passcode.wrong", "The passcode is wrong.";
    WalletUnknown = "wallet.unknown", "No such wallet user.";
    WalletInsufficientFunds = "wallet.insufficient-funds", "The wallet lacks funds.";
    WalletBlocked = "wallet.blocked", "The wallet is blocked.";
    BankUnknown = "bank.unknown", "No such bank account.";
    BankDeclined = "bank.declined", "The bank declined the transfer.";
    QrDeclined = "qr.declined", "The paying app reported a failure.";
    QrLate = "qr.late", "The QR was paid after it expired.";
    // Bindings and PIN.
    BindingNotFound = "binding.not-found", "No such active binding for this client.";
    BindingLocked = "binding.locked", "The binding is locked after wrong passcodes.";
    PinDisabled = "pin.disabled", "PIN verification is not enabled for the merchant.";
    PinUndecryptable = "pin.undecryptable", "The PIN cannot be decrypted with the gateway's key.";
    PinInvalid = "pin.invalid", "The decrypted PIN is not four to six digits.";
    // Checkout link.
    LinkInvalid = "link.invalid", "The checkout link cannot be read.";
    LinkForeign = "link.foreign", "The checkout link is for another merchant.";
    LinkExpired = "link.expired", "The checkout link has expired.";
    // The gateway itself.
    SystemError = "system.error", "The gateway failed.";
    SystemBusy = "system.busy", "The gateway takes no more for the moment.";
    SystemMaintenance = "system.maintenance", "The gateway is closed for maintenance.";
    // The simulator, where PAYON would go on.
    SimulatorFull = "simulator.full", "The simulator keeps no more of these; the bound is its own, not PAYON's.";
}
