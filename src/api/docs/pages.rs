//! The pages, as they are written.

/// A page as it is written.
pub(super) struct DocPage {
    /// Name in its address.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! pages {
    ($($name:literal $path:literal;)+) => {
        /// Every page.
        pub(super) const PAGES: &[DocPage] =
            &[$(DocPage { name: $name, text: include_str!(concat!("../../../", $path)) },)+];
    };
}

pages! {
    "SUMMARY" "docs/SUMMARY.md";
    "audit" "docs/audit.md";
    "bounds" "docs/bounds.md";
    "cards" "docs/cards.md";
    "changelog" "CHANGELOG.md";
    "checkout" "docs/checkout.md";
    "ci" "docs/ci.md";
    "compared-with-pgtest" "docs/compared-with-pgtest.md";
    "compatibility" "docs/compatibility.md";
    "containers" "docs/containers.md";
    "control-api" "docs/control-api.md";
    "control-plane" "docs/control-plane.md";
    "fidelity" "docs/fidelity.md";
    "glossary" "docs/glossary.md";
    "go-live" "docs/go-live.md";
    "how-do-i" "docs/how-do-i.md";
    "install" "docs/install.md";
    "khmer-review" "docs/khmer-review.md";
    "kits" "docs/kits.md";
    "laravel" "docs/laravel.md";
    "merchant" "docs/merchant.md";
    "profile" "docs/profile.md";
    "questions-for-payon" "docs/questions-for-payon.md";
    "reconciliation" "docs/reconciliation.md";
    "reliability" "docs/reliability.md";
    "running-scenarios" "docs/running-scenarios.md";
    "scenario-tutorial" "docs/scenario-tutorial.md";
    "scenarios" "docs/scenarios.md";
    "settings" "docs/settings.md";
    "shadow" "docs/shadow.md";
    "signing" "docs/signing.md";
    "skill" "docs/skill.md";
    "speed" "docs/speed.md";
    "start" "docs/start.md";
    "status-9999" "docs/status-9999.md";
    "tests" "docs/tests.md";
    "tls" "docs/tls.md";
    "troubleshooting" "docs/troubleshooting.md";
    "wait" "docs/wait.md";
}

/// The page of that name.
pub(super) fn find(name: &str) -> Option<&'static DocPage> {
    PAGES.iter().find(|page| page.name == name)
}

/// Title of a page: its first heading.
pub(super) fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("payon-sim")
}
