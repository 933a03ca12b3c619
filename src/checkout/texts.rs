//! Texts of the pages, in English and Khmer: one row a text. `{}` stands for a value.

use crate::profile::Language;

/// Makes the table: a field for each text, and one value of the whole for each language.
macro_rules! texts {
    ($($name:ident: $en:literal, $km:literal;)*) => {
        /// Every text of the pages in one language.
        #[derive(Debug)]
        pub(super) struct Texts {
            $(pub(super) $name: &'static str,)*
        }

        static ENGLISH: Texts = Texts { $($name: $en,)* };
        static KHMER: Texts = Texts { $($name: $km,)* };

        #[cfg(test)]
        const ROWS: &[(&str, &str, &str)] = &[$((stringify!($name), $en, $km),)*];
    };
}

impl Texts {
    /// The texts of a language.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Khmer => &KHMER,
        }
    }

    /// A text with its value put in.
    #[allow(clippy::unused_self, reason = "templates reach functions through a value")]
    pub(super) fn fill(&self, text: &str, value: impl std::fmt::Display) -> String {
        text.replacen("{}", &value.to_string(), 1)
    }
}

texts! {
    // The frame.
    language_name: "English", "ភាសាខ្មែរ";
    secure_payment: "Payment", "ការទូទាត់";
    simulator_note: "Simulated payment. No money moves; enter test data only.",
        "ការទូទាត់សាកល្បង។ គ្មានប្រាក់ពិតទេ សូមបញ្ចូលតែទិន្នន័យសាកល្បង។";
    languages: "Language", "ភាសា";
    skip: "Skip to the payment", "រំលងទៅការទូទាត់";
    summary: "Your order", "ការបញ្ជាទិញរបស់អ្នក";
    pay_to: "Pay to", "ទូទាត់ទៅ";
    amount: "Amount", "ចំនួនទឹកប្រាក់";
    order_number: "Order number", "លេខបញ្ជាទិញ";
    reserved: "This amount is reserved now and taken later.",
        "ទឹកប្រាក់នេះត្រូវបានកក់ទុកឥឡូវ ហើយដកនៅពេលក្រោយ។";
    pay_before: "Pay before {}", "សូមទូទាត់មុនម៉ោង {}";
    time_left: "Time left", "ពេលវេលានៅសល់";
    steps: "Steps", "ជំហាន";
    step_enter: "Payment details", "ព័ត៌មានទូទាត់";
    step_scan: "Scan the code", "ស្កេនកូដ";
    step_app: "Confirm in the app", "បញ្ជាក់ក្នុងកម្មវិធី";
    step_confirm: "Confirm it is you", "បញ្ជាក់អត្តសញ្ញាណ";
    step_done: "Done", "រួចរាល់";
    pay_with: "Pay with", "ទូទាត់ដោយ";
    cancel: "Cancel payment", "បោះបង់ការទូទាត់";
    leave: "Cancel", "បោះបង់";
    back: "Use another way to pay", "ប្រើវិធីទូទាត់ផ្សេង";
    go_on: "Continue", "បន្ត";

    // Methods.
    method_payon: "PAYON", "PAYON";
    method_card: "Credit or debit card", "កាតឥណទាន ឬឥណពន្ធ";
    method_ppcbank: "PPCBank transfer", "ផ្ទេរប្រាក់ PPCBank";
    method_khqr: "KHQR", "KHQR";
    scan_payon: "Scan with the PAYON app", "ស្កេនដោយកម្មវិធី PAYON";
    scan_khqr: "Scan with any bank app that takes KHQR", "ស្កេនដោយកម្មវិធីធនាគារដែលទទួល KHQR";
    scan_ppcbank: "Pay with the PPCBank app", "ទូទាត់ដោយកម្មវិធី PPCBank";
    payon_card: "PAYON card", "កាត PAYON";
    new_card: "New card", "កាតថ្មី";
    saved_cards: "Your saved cards", "កាតដែលបានរក្សាទុក";
    use_saved: "Pay with this card", "ទូទាត់ដោយកាតនេះ";
    by_code: "By code", "តាមកូដ";
    by_card: "By card", "តាមកាត";
    cards_taken: "Cards taken", "កាតដែលទទួល";
    open_app: "Open the test app", "បើកកម្មវិធីសាកល្បង";
    open_app_note: "Nothing to scan with? Open the test app instead.",
        "គ្មានអ្វីសម្រាប់ស្កេនមែនទេ? សូមបើកកម្មវិធីសាកល្បងជំនួស។";
    other_phone_note: "Or scan the code with another phone.", "ឬស្កេនកូដនេះដោយទូរសព្ទផ្សេង។";

    // Forms.
    card_number: "Card number", "លេខកាត";
    card_expiry: "Expiry date", "ថ្ងៃផុតកំណត់";
    expiry_hint: "MM/YY", "ខខ/ឆឆ";
    card_cvv: "Security code", "លេខកូដសុវត្ថិភាព";
    cvv_hint: "3 digits on the back", "3 ខ្ទង់នៅខាងក្រោយ";
    card_holder: "Name on card", "ឈ្មោះលើកាត";
    optional: "optional", "មិនចាំបាច់";
    payon_pin: "Card PIN", "លេខសម្ងាត់កាត";
    phone: "Phone number", "លេខទូរសព្ទ";
    passcode: "Passcode", "លេខកូដសម្ងាត់";
    new_passcode: "Choose a passcode (6 digits)", "ជ្រើសរើសលេខកូដសម្ងាត់ (6 ខ្ទង់)";
    pay_amount: "Pay {}", "ទូទាត់ {}";
    reserve_amount: "Reserve {}", "កក់ {}";

    // Errors beside fields.
    need_card_number: "Enter the 16 digits of the card.", "បញ្ចូលលេខកាត 16 ខ្ទង់។";
    card_unknown: "This is not a test card. Real cards do not work here: take a number from the list of test cards.",
        "នេះមិនមែនជាកាតសាកល្បងទេ។ កាតពិតមិនដំណើរការនៅទីនេះទេ សូមយកលេខពីបញ្ជីកាតសាកល្បង។";
    card_not_payon: "This is a PAYON card; this order takes credit and debit cards.",
        "នេះជាកាត PAYON ប៉ុន្តែការបញ្ជាទិញនេះទទួលតែកាតឥណទាន និងឥណពន្ធ។";
    card_only_payon: "This is not a PAYON card; its number begins with 1010 49.",
        "នេះមិនមែនជាកាត PAYON ទេ លេខរបស់វាចាប់ផ្តើមដោយ 1010 49។";
    need_expiry: "Enter month and year, such as 12/30.", "បញ្ចូលខែ និងឆ្នាំ ដូចជា 12/30។";
    need_cvv: "Enter the 3 digits on the back of the card.", "បញ្ចូល 3 ខ្ទង់នៅខាងក្រោយកាត។";
    need_pin: "Enter the PIN: 4 to 6 digits.", "បញ្ចូលលេខសម្ងាត់ 4 ទៅ 6 ខ្ទង់។";
    need_otp: "Enter the digits of the code.", "បញ្ចូលលេខកូដ។";
    need_passcode: "Enter the passcode: 4 to 6 digits.", "បញ្ចូលលេខកូដសម្ងាត់ 4 ទៅ 6 ខ្ទង់។";
    need_phone: "Enter the phone number: 8 to 15 digits.", "បញ្ចូលលេខទូរសព្ទ 8 ទៅ 15 ខ្ទង់។";
    need_holder: "The name has at most 100 characters.", "ឈ្មោះមិនអាចលើសពី 100 តួអក្សរទេ។";
    error: "Error:", "កំហុស៖";
    form_errors: "Please check the marked fields.", "សូមពិនិត្យប្រអប់ដែលបានគូស។";

    // Two-factor.
    channel_title: "Where shall we send your code?", "តើផ្ញើលេខកូដទៅណា?";
    channel_lead: "We send a one-time code to make sure that it is you.",
        "យើងផ្ញើលេខកូដប្រើម្តង ដើម្បីបញ្ជាក់ថាជាអ្នកពិតប្រាកដ។";
    channel_sms: "Text message", "សារ SMS";
    channel_email: "E-mail", "អ៊ីមែល";
    otp_title: "Enter your code", "បញ្ចូលលេខកូដរបស់អ្នក";
    otp_sent_sms: "We sent it by text message. It is valid until {}.",
        "យើងបានផ្ញើតាមសារ SMS។ មានសុពលភាពដល់ម៉ោង {}។";
    otp_sent_email: "We sent it by e-mail. It is valid until {}.",
        "យើងបានផ្ញើតាមអ៊ីមែល។ មានសុពលភាពដល់ម៉ោង {}។";
    otp_code: "One-time code", "លេខកូដប្រើម្តង";
    otp_submit: "Confirm", "បញ្ជាក់";
    otp_resend: "Send a new code", "ផ្ញើលេខកូដថ្មី";
    passcode_title: "PAYON security check", "ការត្រួតពិនិត្យសុវត្ថិភាព PAYON";
    passcode_lead: "Enter your passcode to use the saved card {}.",
        "បញ្ចូលលេខកូដសម្ងាត់ ដើម្បីប្រើកាតដែលបានរក្សាទុក {}។";

    // The issuer.
    acs_bank: "Test Issuer Bank", "ធនាគារសាកល្បង";
    acs_title: "Confirm your payment", "បញ្ជាក់ការទូទាត់របស់អ្នក";
    acs_lead: "We sent a code to the phone number of your card account.",
        "យើងបានផ្ញើលេខកូដទៅទូរសព្ទនៃគណនីកាតរបស់អ្នក។";
    acs_merchant: "Merchant", "អាជីវករ";
    acs_card: "Card", "កាត";
    acs_submit: "Confirm payment", "បញ្ជាក់ការទូទាត់";
    acs_cancel: "Do not pay", "មិនទូទាត់";
    acs_done_title: "Back to the shop's payment page", "ត្រឡប់ទៅទំព័រទូទាត់";
    acs_done_lead: "The bank has finished. You are taken back; if nothing happens, press the button.",
        "ធនាគារបានបញ្ចប់។ អ្នកនឹងត្រូវបញ្ជូនត្រឡប់ បើគ្មានអ្វីកើតឡើង សូមចុចប៊ូតុង។";
    acs_slow_title: "Your bank is taking its time", "ធនាគាររបស់អ្នកកំពុងដំណើរការ";
    acs_slow_lead: "Please wait; this page goes on by itself.",
        "សូមរង់ចាំ ទំព័រនេះនឹងបន្តដោយខ្លួនឯង។";
    acs_note: "A pretend bank of the simulator.", "ធនាគារសន្មតរបស់កម្មវិធីសាកល្បង។";

    // QR.
    qr_shown: "Waiting for you to scan", "កំពុងរង់ចាំការស្កេន";
    qr_scanned: "Scanned. Confirm in your app", "បានស្កេន។ សូមបញ្ជាក់ក្នុងកម្មវិធីរបស់អ្នក";
    qr_processing: "Your app is paying …", "កម្មវិធីរបស់អ្នកកំពុងទូទាត់ …";
    qr_succeeded: "Paid", "បានទូទាត់";
    qr_failed: "Not paid", "មិនបានទូទាត់";
    qr_expired: "The code has expired", "កូដបានផុតកំណត់";
    qr_text: "The code as text", "កូដជាអក្សរ";

    // Results.
    not_paid_yet: "Not paid yet", "មិនទាន់បានទូទាត់";
    paid_title: "Payment successful", "ការទូទាត់ជោគជ័យ";
    paid_lead: "{} was paid. Thank you.", "បានទូទាត់ {}។ សូមអរគុណ។";
    reserved_title: "Amount reserved", "បានកក់ទឹកប្រាក់";
    reserved_lead: "{} is reserved on your card.", "{} ត្រូវបានកក់នៅលើកាតរបស់អ្នក។";
    refunded_title: "Payment returned", "ការទូទាត់ត្រូវបានសង";
    refunded_lead: "This order was paid, and the merchant has given money back.",
        "ការបញ្ជាទិញនេះបានទូទាត់ ហើយអាជីវករបានសងប្រាក់វិញ។";
    failed_title: "Payment not successful", "ការទូទាត់មិនជោគជ័យ";
    failed_lead: "No money was taken.", "គ្មានប្រាក់ត្រូវបានដកទេ។";
    cancelled_title: "Payment cancelled", "ការទូទាត់ត្រូវបានបោះបង់";
    cancelled_lead: "You cancelled. No money was taken.", "អ្នកបានបោះបង់។ គ្មានប្រាក់ត្រូវបានដកទេ។";
    expired_title: "Time is up", "អស់ពេលហើយ";
    expired_lead: "The order was not paid in time. No money was taken.",
        "ការបញ្ជាទិញមិនបានទូទាត់ទាន់ពេល។ គ្មានប្រាក់ត្រូវបានដកទេ។";
    unknown_title: "We do not know yet", "យើងមិនទាន់ដឹងទេ";
    unknown_lead: "Your bank has not answered. Do not pay again; the shop will tell you how it ended.",
        "ធនាគាររបស់អ្នកមិនទាន់ឆ្លើយ។ កុំទូទាត់ម្តងទៀត ហាងនឹងប្រាប់អ្នកពីលទ្ធផល។";
    approval_number: "Approval number", "លេខអនុម័ត";
    paid_at: "Date and time", "កាលបរិច្ឆេទ និងម៉ោង";
    paid_with: "Paid with", "ទូទាត់ដោយ";
    return_to_merchant: "Return to {}", "ត្រឡប់ទៅ {}";
    close_page: "You can close this page.", "អ្នកអាចបិទទំព័រនេះ។";

    // Notices.
    stale: "That page was out of date, so nothing was done. This is where your payment stands.",
        "ទំព័រនោះហួសសម័យ ដូច្នេះគ្មានអ្វីកើតឡើងទេ។ នេះជាស្ថានភាពការទូទាត់របស់អ្នក។";
    wrong_pin: "The PIN is wrong. Try again.", "លេខសម្ងាត់មិនត្រឹមត្រូវ។ សូមព្យាយាមម្តងទៀត។";
    wrong_otp: "The code is wrong. Try again.", "លេខកូដមិនត្រឹមត្រូវ។ សូមព្យាយាមម្តងទៀត។";
    expired_otp: "The code is no longer valid. Ask for a new one.",
        "លេខកូដលែងមានសុពលភាព។ សូមស្នើលេខកូដថ្មី។";
    wrong_passcode: "The passcode is wrong. Try again.",
        "លេខកូដសម្ងាត់មិនត្រឹមត្រូវ។ សូមព្យាយាមម្តងទៀត។";
    binding_locked: "This saved card is locked after too many wrong passcodes. Use another card.",
        "កាតនេះត្រូវបានចាក់សោ ដោយសារលេខកូដសម្ងាត់ខុសច្រើនដង។ សូមប្រើកាតផ្សេង។";
    binding_gone: "This saved card is no longer there. Use another card.",
        "កាតនេះលែងមានទៀតហើយ។ សូមប្រើកាតផ្សេង។";

    // Why a payment failed, as a payer is told.
    why_declined: "Your bank declined the payment.", "ធនាគាររបស់អ្នកបានបដិសេធការទូទាត់។";
    why_funds: "There is not enough money on the account.", "គណនីមិនមានប្រាក់គ្រប់គ្រាន់។";
    why_limit: "The amount is above the limit of the card.", "ចំនួនទឹកប្រាក់លើសដែនកំណត់របស់កាត។";
    why_expired_card: "The card has expired.", "កាតបានផុតកំណត់។";
    why_wrong_details: "The card details are wrong.", "ព័ត៌មានកាតមិនត្រឹមត្រូវ។";
    why_wrong_pin: "The PIN was wrong too often.", "លេខសម្ងាត់ខុសច្រើនដងពេក។";
    why_wrong_otp: "The code was wrong too often.", "លេខកូដខុសច្រើនដងពេក។";
    why_blocked: "The card or wallet is blocked.", "កាត ឬកាបូបត្រូវបានបិទ។";
    why_bank_down: "Your bank cannot be reached at the moment.",
        "មិនអាចភ្ជាប់ទៅធនាគាររបស់អ្នកនៅពេលនេះ។";
    why_not_confirmed: "The payment was not confirmed with your bank.",
        "ការទូទាត់មិនត្រូវបានបញ្ជាក់ជាមួយធនាគាររបស់អ្នក។";
    why_app: "The paying app reported a failure.", "កម្មវិធីទូទាត់បានរាយការណ៍ថាបរាជ័យ។";
    why_other: "The payment could not be made.", "មិនអាចធ្វើការទូទាត់បាន។";

    // Pages instead of a payment.
    unknown_page_title: "This payment page does not exist", "ទំព័រទូទាត់នេះមិនមានទេ";
    unknown_page_lead: "The link is incomplete, or the order is no longer kept. Go back to the shop and start again.",
        "តំណមិនពេញលេញ ឬការបញ្ជាទិញលែងត្រូវបានរក្សាទុក។ សូមត្រឡប់ទៅហាង ហើយចាប់ផ្តើមម្តងទៀត។";
    bad_link_title: "This link cannot be used", "មិនអាចប្រើតំណនេះបានទេ";
    bad_link_lead: "It is damaged or was made for another merchant. Go back to the shop and start again.",
        "វាខូច ឬត្រូវបានបង្កើតសម្រាប់អាជីវករផ្សេង។ សូមត្រឡប់ទៅហាង ហើយចាប់ផ្តើមម្តងទៀត។";
    old_link_title: "This link has expired", "តំណនេះបានផុតកំណត់";
    old_link_lead: "Go back to the shop and start again.", "សូមត្រឡប់ទៅហាង ហើយចាប់ផ្តើមម្តងទៀត។";
    paid_before_title: "Already paid", "បានទូទាត់រួចហើយ";
    paid_before_lead: "This order has been paid before. You are not charged again.",
        "ការបញ្ជាទិញនេះបានទូទាត់រួចហើយ។ អ្នកមិនត្រូវបានកាត់ប្រាក់ម្តងទៀតទេ។";
    forged_title: "This answer was not accepted", "ចម្លើយនេះមិនត្រូវបានទទួលទេ";
    forged_lead: "It does not come from the bank that was asked. Nothing was paid.",
        "វាមិនមែនមកពីធនាគារដែលបានសួរទេ។ គ្មានអ្វីត្រូវបានទូទាត់ទេ។";

    // Saving a card.
    add_card_title: "Save a card", "រក្សាទុកកាត";
    add_card_lead: "Save it once for {} and pay without typing the number. Nothing is charged now.",
        "រក្សាទុកម្តងសម្រាប់ {} ហើយទូទាត់ដោយមិនចាំបាច់វាយលេខ។ មិនមានការកាត់ប្រាក់ឥឡូវនេះទេ។";
    add_card_submit: "Save the card", "រក្សាទុកកាត";
    add_card_otp_lead: "We sent a code by text message to {}.", "យើងបានផ្ញើលេខកូដតាមសារ SMS ទៅ {}។";
    add_card_done: "The card is saved", "កាតត្រូវបានរក្សាទុក";
    add_card_done_lead: "You can pay with it from now on.", "អ្នកអាចទូទាត់ដោយកាតនេះចាប់ពីពេលនេះ។";
    add_card_failed: "The card was not saved", "កាតមិនត្រូវបានរក្សាទុកទេ";
    card_type_payon: "PAYON card: enter its PIN instead of a security code.",
        "កាត PAYON៖ បញ្ចូលលេខសម្ងាត់ជំនួសលេខកូដសុវត្ថិភាព។";

    // The tester's panel.
    tester: "Tester", "អ្នកសាកល្បង";
    test_data: "Test data", "ទិន្នន័យសាកល្បង";
    test_data_lead: "This is a simulator: no bank is asked, and no real card belongs here. A number that is not in the tables is refused.",
        "នេះជាកម្មវិធីសាកល្បង៖ គ្មានធនាគារណាត្រូវបានសួរទេ សូមកុំប្រើកាតពិតនៅទីនេះ។ លេខដែលមិនមានក្នុងតារាងនឹងត្រូវបដិសេធ។";
    find_card: "Find a card", "ស្វែងរកកាត";
    no_card_fits: "No card fits these words.", "គ្មានកាតណាត្រូវនឹងពាក្យទាំងនេះទេ។";
    cards_that_pay: "Cards that pay", "កាតដែលទូទាត់បាន";
    cards_that_3ds_stops: "Stopped by 3-D Secure", "បញ្ឈប់ដោយ 3-D Secure";
    cards_of_failing_banks: "The bank does not answer", "ធនាគារមិនឆ្លើយ";
    cards_declined: "Declined by the bank", "បដិសេធដោយធនាគារ";
    app_acts: "It scans, pays, declines, pays a wrong amount, twice or late.",
        "វាស្កេន ទូទាត់ បដិសេធ ទូទាត់ចំនួនខុស ទូទាត់ពីរដង ឬទូទាត់យឺត។";
    ends_with: "Ends with", "បញ្ចប់ដោយ";
    no_code_is_right: "none is right", "គ្មានលេខកូដណាត្រឹមត្រូវទេ";
    this_card: "This card", "កាតនេះ";
    payer_leaves: "the payer leaves; whatever is entered, it ends so",
        "អ្នកទូទាត់ចាកចេញ ទោះបញ្ចូលអ្វីក៏ដោយ";

    // The pretend app.
    app_title: "Pretend wallet and bank app", "កម្មវិធីកាបូប និងធនាគារសន្មត";
    app_lead: "It plays the payer's phone: scan a code, confirm, pay. No bank is behind it.",
        "វាដើរតួជាទូរសព្ទរបស់អ្នកទូទាត់៖ ស្កេនកូដ បញ្ជាក់ ហើយទូទាត់។ គ្មានធនាគារពិតនៅពីក្រោយទេ។";
    app_code: "The code as text (paste it)", "កូដជាអក្សរ (សូមបិទភ្ជាប់)";
    app_scan: "Scan", "ស្កេន";
    app_orders: "Open orders", "ការបញ្ជាទិញដែលរង់ចាំ";
    app_no_orders: "No order waits to be paid by an app.",
        "គ្មានការបញ្ជាទិញណារង់ចាំទូទាត់តាមកម្មវិធីទេ។";
    app_unknown_code: "No open order shows this code. Copy all of it, from 0002 to the end.",
        "គ្មានការបញ្ជាទិញណាបង្ហាញកូដនេះទេ។ សូមចម្លងកូដទាំងមូល ពី 0002 ដល់ចប់។";
    app_state: "State", "ស្ថានភាព";
    app_from: "Pay from", "ទូទាត់ពី";
    app_wallet: "PAYON wallet", "កាបូប PAYON";
    app_only_scan: "Only scan", "ស្កេនប៉ុណ្ណោះ";
    app_only_start: "Only start paying", "ចាប់ផ្តើមទូទាត់ប៉ុណ្ណោះ";
    app_decline: "Decline", "បដិសេធ";
    app_wrong_amount: "Pay a wrong amount", "ទូទាត់ចំនួនខុស";
    app_twice: "Pay twice", "ទូទាត់ពីរដង";
    app_late: "Pay after expiry", "ទូទាត់ក្រោយផុតកំណត់";
    app_again: "Scan another code", "ស្កេនកូដផ្សេង";
    app_answer: "PAYON answers {}", "PAYON ឆ្លើយ {}";
    app_wrong_passcode: "Wrong passcode: the app asks again, and PAYON hears nothing.",
        "លេខកូដសម្ងាត់មិនត្រឹមត្រូវ៖ កម្មវិធីនឹងសួរម្តងទៀត ហើយ PAYON មិនដឹងអ្វីទេ។";
    app_cannot: "This app cannot do that with this order.",
        "កម្មវិធីនេះមិនអាចធ្វើបែបនោះជាមួយការបញ្ជាទិញនេះទេ។";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_everything_with_the_same_values() {
        for (name, en, km) in ROWS {
            assert!(!en.is_empty() && !km.is_empty(), "{name}");
            assert_eq!(en.matches("{}").count(), km.matches("{}").count(), "{name}");
            let same_in_both = ["method_payon", "method_khqr"];
            let khmer = km.chars().any(|letter| ('\u{1780}'..='\u{17ff}').contains(&letter));
            assert!(khmer || same_in_both.contains(name), "{name} has no Khmer");
        }
        assert_eq!(Texts::of(Language::English).fill("Pay {}", "$1"), "Pay $1");
    }
}
