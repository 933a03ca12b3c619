//! The pages as a running gateway serves them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binary::Gateway;
use crate::browser::installed;
use crate::programs::file;
use crate::support::{Client, Setup, Sim};

use super::page;

/// Names of all pages in their addresses.
fn names() -> Vec<String> {
    let contents = page("docs/SUMMARY.md");
    let links = contents.split("](").skip(1);
    links.map(|link| link.split(".md)").next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_page_is_there_as_html_and_as_markdown() {
    let sim = Sim::start().await;
    for name in names() {
        let served = sim.client.get(&format!("{}/_sim/docs/{name}", sim.url)).await;
        assert_eq!(served.status, 200, "{name}");
        assert!(served.header("content-type").starts_with("text/html"), "{name}");
        let policy = served.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(served.header("x-content-type-options"), "nosniff");
        assert!(served.text().contains("aria-current=\"page\""), "{name}");
        let markdown = sim.client.get(&format!("{}/_sim/docs/{name}.md", sim.url)).await;
        assert!(markdown.header("content-type").starts_with("text/markdown"), "{name}");
        assert_eq!(markdown.text(), page(&format!("docs/{name}.md")), "{name}");
    }
}

#[tokio::test]
async fn every_link_of_a_served_page_leads_somewhere() {
    let sim = Sim::start().await;
    let mut wrong = Vec::new();
    for name in names() {
        let html = sim.client.get(&format!("{}/_sim/docs/{name}", sim.url)).await.text();
        let targets = html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        let mut seen = Vec::new();
        for target in targets {
            // Those to the dashboard and to the contents a browser follows, below.
            let is_other = ["http", "data:", "."].iter().any(|start| target.starts_with(start));
            if is_other || seen.contains(&target) {
                continue;
            }
            seen.push(target);
            let (to, heading) = target.split_once('#').unwrap_or((target, ""));
            let to = if to.is_empty() { name.as_str() } else { to };
            let found = sim.client.get(&format!("{}/_sim/docs/{to}", sim.url)).await;
            let has_heading =
                heading.is_empty() || found.text().contains(&format!("id=\"{heading}\""));
            if found.status != 200 || !has_heading {
                wrong.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn agents_find_a_list_and_a_short_skill() {
    let sim = Sim::start().await;
    let list = sim.client.get(&format!("{}/_sim/docs/llms.txt", sim.url)).await;
    assert_eq!((list.status, list.text()), (200, page("docs/llms.txt")));
    for link in page("docs/llms.txt").split("](").skip(1) {
        let name = link.split(')').next().unwrap();
        let served = sim.client.get(&format!("{}/_sim/docs/{name}", sim.url)).await;
        assert_eq!(served.status, 200, "{name}");
    }
    let skill = page("docs/skill.md");
    assert!(skill.lines().count() <= 80 && skill.starts_with("---\nname: "), "a short skill");
}

#[tokio::test]
async fn a_space_a_missing_slash_and_a_wrong_name_are_answered() {
    let sim = Sim::start().await;
    let get = async |path: &str| sim.client.get(&format!("{}{path}", sim.url)).await;
    assert_eq!(get("/space/any/_sim/docs/start").await.status, 200);
    let moved = get("/_sim/docs").await;
    assert_eq!((moved.status, moved.header("location")), (308, "docs/"));
    assert_eq!(get("/_sim/docs/nothing").await.status, 404);
    assert_eq!(get("/_sim/docs/../docs/nothing.md").await.status, 404);
    let found = get("/_sim/docs/search?q=%3Cscript%3E+9999").await;
    assert_eq!(found.status, 200);
    assert!(!found.text().contains("<script> 9999"), "{}", found.text());
}

#[tokio::test]
async fn the_pages_are_guarded_as_everything_of_ours() {
    let sim = Sim::with(Setup { token: Some("open sesame"), ..Setup::default() }).await;
    let url = format!("{}/_sim/docs/start", sim.url);
    assert_eq!(Client::new().get(&url).await.status, 401);
    let known = Client::new().with_header("authorization", "Bearer open sesame");
    assert_eq!(known.get(&url).await.status, 200);
    let sim = Sim::start().await;
    let foreign = Client::new().with_header("host", "evil.example");
    assert_eq!(foreign.get(&format!("{}/_sim/docs/start", sim.url)).await.status, 403);
}

#[test]
fn readers_find_their_way_in_a_browser() {
    let Some(folder) = installed("docs", &["docs.mjs", "support.mjs"]) else { return };
    let gateway = Gateway::start(&[]);
    let mut command = Command::new("node");
    command.arg(folder.join("docs.mjs")).arg(&gateway.url);
    command.arg(file("target/screenshots")).arg("").args(names());
    let output = command.output().expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pictures_are_small() {
    for entry in fs::read_dir(file("docs/pictures")).unwrap() {
        let path = entry.unwrap().path();
        let size = fs::metadata(&path).unwrap().len();
        assert!(size < 80_000, "{} has {size} bytes", Path::new(&path).display());
    }
}
