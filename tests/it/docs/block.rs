//! The fenced blocks of a page, and the marks above them.

use payon_sim::scenario::ScenarioFile;

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    /// Line of its fence.
    pub(super) line: usize,
    /// First word behind the fence.
    pub(super) language: String,
    /// Marks in the comments directly above it.
    pub(super) marks: Vec<Mark>,
    pub(super) text: String,
}

/// A comment above a block, `<!-- word: text -->`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// `file: NAME`: the block is written there, in the page's directory.
    File(String),
    /// `not run: REASON`
    NotRun(String),
    /// `run by: PATH`: another test runs it, which names the page.
    RunBy(String),
    /// `same as: PATH`: the block is that file of the repository, which is compiled or run elsewhere.
    SameAs(String),
    /// `fresh`: an empty directory and another gateway from here on.
    Fresh,
}

/// A command of a block, and the output that is shown below it.
#[derive(Debug)]
pub(super) struct ShownCommand {
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) shown: Vec<String>,
    /// Exit code that it ends with, as a comment behind it says.
    pub(super) code: i32,
}

impl Mark {
    fn read(line: &str) -> Option<Result<Self, String>> {
        let comment = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
        let (word, rest) = comment.split_once(": ").unwrap_or((comment, ""));
        Some(match (word, rest) {
            ("fresh", "") => Ok(Self::Fresh),
            ("file", name) if !name.is_empty() => Ok(Self::File(name.to_owned())),
            ("not run", why) if why.len() > 9 => Ok(Self::NotRun(why.to_owned())),
            ("same as", path) if !path.is_empty() => Ok(Self::SameAs(path.to_owned())),
            ("run by", path) if !path.is_empty() => Ok(Self::RunBy(path.to_owned())),
            _ => Err(format!("no mark is called {comment:?}, or it lacks its text")),
        })
    }
}

impl Block {
    /// All blocks of a page.
    pub(super) fn all(path: &str, page: &str) -> Result<Vec<Self>, String> {
        let mut blocks = Vec::new();
        let mut marks = Vec::new();
        let mut lines = page.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let indent = line.len() - line.trim_start().len();
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let mut text = String::new();
                loop {
                    let (_, line) = lines.next().ok_or(format!("line {}: no end", at + 1))?;
                    if line.trim_start().starts_with("```") {
                        break;
                    }
                    text += line.get(indent..).unwrap_or(line.trim_start());
                    text.push('\n');
                }
                let language = language.split([' ', ',']).next().unwrap_or_default().to_owned();
                blocks.push(Self {
                    line: at + 1,
                    language,
                    marks: std::mem::take(&mut marks),
                    text,
                });
            } else if let Some(mark) = Mark::read(line.trim()) {
                marks.push(mark.map_err(|error| format!("line {}: {error}", at + 1))?);
            } else if !line.trim().is_empty() && !marks.is_empty() {
                return Err(format!(
                    "{path}:{}: a mark stands above a block, not above text",
                    at + 1
                ));
            }
        }
        Ok(blocks)
    }

    /// Returns true if the block is data, which needs no command to be looked at.
    pub(super) fn is_data(&self) -> bool {
        matches!(&*self.language, "yaml" | "toml" | "json" | "text")
    }

    /// Whether its data can be read; a part of a scenario is checked as one.
    pub(super) fn check_data(&self) -> Result<(), String> {
        match &*self.language {
            "json" => {
                serde_json::from_str::<serde_json::Value>(&self.text).map_err(|e| e.to_string())?;
            }
            "toml" => {
                toml::from_str::<toml::Table>(&self.text).map_err(|e| e.to_string())?;
            }
            "yaml" => {
                let starts = ["rules:", "drive:", "expect:"];
                let is_part =
                    self.text.lines().any(|line| starts.iter().any(|it| line.starts_with(it)));
                if is_part {
                    let head = if self.text.contains("version:") {
                        ""
                    } else {
                        "version: 1\nid: PAGE\ntitle: A part\n"
                    };
                    let whole = format!("{head}{}", self.text);
                    ScenarioFile::read("the block", whole.as_bytes()).map_err(|found| {
                        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
                    })?;
                } else if self.text.contains('\t') {
                    return Err("YAML has no tabulators".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether one of its commands names this program.
    pub(super) fn names(&self, program: &str) -> bool {
        self.text.split(|c: char| !c.is_alphanumeric()).any(|word| word == program)
    }

    /// The commands: what stands behind `$ `, with the lines that belong to it.
    pub(super) fn commands(&self) -> Vec<ShownCommand> {
        let mut found: Vec<ShownCommand> = Vec::new();
        let mut is_open = false;
        for (at, line) in self.text.lines().enumerate() {
            let line_number = self.line + 1 + at;
            if let (false, Some(command)) = (is_open, line.strip_prefix("$ ")) {
                let (text, code) = (command.to_owned(), 0);
                found.push(ShownCommand { line: line_number, text, shown: Vec::new(), code });
            } else if let Some(last) = found.last_mut() {
                if is_open {
                    last.text += "\n";
                    last.text += line;
                } else {
                    last.shown.push(line.to_owned());
                }
            }
            if let Some(last) = found.last_mut() {
                is_open = last.shown.is_empty() && goes_on(&last.text);
            }
        }
        for command in &mut found {
            if let Some((_, code)) = command.text.rsplit_once("# exit code ") {
                command.code = code.trim().parse().unwrap_or(-1);
            }
        }
        found
    }
}

/// Whether a shell would wait for more: an open quote, function or here-document, or a backslash, a pipe or `&&` at the
/// end.
fn goes_on(command: &str) -> bool {
    if let Some((_, rest)) = command.split_once("<<") {
        let word = rest.split_whitespace().next().unwrap_or_default().trim_matches('\'');
        return !command.lines().skip(1).any(|line| line == word);
    }
    let (mut single, mut double, mut escaped, mut comment) = (false, false, false, false);
    let mut before = ' ';
    for letter in command.chars() {
        match letter {
            '\n' => (comment, escaped) = (false, false),
            _ if comment => {}
            _ if escaped => escaped = false,
            '\\' if !single => escaped = true,
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '#' if !single && !double && before.is_whitespace() => comment = true,
            _ => {}
        }
        before = letter;
    }
    let end = command.trim_end();
    let is_function = command.contains("() {") && !end.ends_with('}');
    let ends = ["\\", "|", "&&"].iter().any(|last| end.ends_with(last));
    single || double || is_function || ends
}

#[test]
fn blocks_marks_and_commands_are_read() {
    let page = "# T\n\n<!-- file: a.json -->\n```json\n{}\n```\n\n```console\n$ echo 'a\nb' |\n    cat   # exit code 1\na\n…\n$ true\n```\n";
    let blocks = Block::all("page", page).unwrap();
    assert_eq!(blocks[0].marks, [Mark::File("a.json".to_owned())]);
    let commands = blocks[1].commands();
    assert_eq!(commands.len(), 2);
    assert_eq!((commands[0].code, commands[0].line), (1, 9));
    assert_eq!(commands[0].shown, ["a", "…"]);
    assert!(commands[0].text.contains("b' |\n    cat"));
    assert!(!goes_on("true # it's"));
    assert!(goes_on("f() { # one\n  echo 1"));
    assert!(goes_on("cat << 'END'\na\n"));
    assert!(!goes_on("cat << 'END'\na\nEND"));
    assert!(Block::all("page", "<!-- not run: -->\n").is_err());
    assert!(Block::all("page", "<!-- not run: it needs Docker -->\nText\n").is_err());
}
