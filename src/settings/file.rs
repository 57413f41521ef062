//! The text of shipmate.toml to the lower layer of the settings: keys in their one spelling,
//! where each was given, and only what the table of keys knows. What values mean is not known
//! here.

use config::{Map, Value};
use toml_edit::{Document, Item, Key as TomlKey, TableLike};

use super::error::{Place, Problem};
use super::findings::{Findings, KeyPath};
use super::keys::{Form, Key, Node, node, pattern};
use super::names;
use super::variables::variable;

/// Reads the text. What is wrong is reported and left out; `None` if it is not even TOML.
pub(super) fn layer(text: &str, findings: &mut Findings) -> Option<Map<String, Value>> {
    match Document::parse(text) {
        Ok(document) => {
            let mut reader = Reader { lines: Lines(text), findings };
            Some(reader.table(&[], document.as_table()))
        }
        Err(error) => {
            let place = findings.in_file(Lines(text).position(error.span().map(|span| span.start)));
            // The error's own Display shows the line, in which a password may stand.
            let why = error.message().replace('\n', ", ");
            findings.report_at(place, Problem::NotToml { why });
            None
        }
    }
}

/// Turns offsets into lines and columns.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    /// Line and column of this byte, counting from 1, columns in characters.
    fn position(&self, offset: Option<usize>) -> (usize, usize) {
        let before = offset.and_then(|offset| self.0.get(..offset)).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn place(&self, span: Option<std::ops::Range<usize>>) -> Place {
        self.findings.in_file(self.lines.position(span.map(|span| span.start)))
    }

    /// A table at this path whose entries the table of keys decides.
    fn table(&mut self, path: &[&str], table: &dyn TableLike) -> Map<String, Value> {
        let here = node(&pattern(path));
        let mut map = Map::new();
        for (spelled, item) in table.iter() {
            let Some(key) = table.key(spelled) else { continue };
            let place = self.place(key.span());
            let name = match &here {
                Node::Table(known) => {
                    let name = names::key(spelled);
                    if !known.contains(&name.as_str()) {
                        let problem = unknown_key(path, spelled, known);
                        self.findings.report_at(place, problem);
                        continue;
                    }
                    name
                }
                Node::Names => {
                    if !names::is_name(spelled) {
                        let problem = Problem::BadName { name: spelled.to_owned() };
                        self.findings.report_at(place.clone(), problem);
                    }
                    spelled.to_owned()
                }
                Node::Ids => spelled.to_owned(),
                // Leaves are read by `leaf` and entries by `entries`; nothing else leads here.
                Node::Leaf(_) | Node::Entries | Node::Nothing => continue,
            };
            let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
            if self.findings.is_given(&path) {
                self.findings.report_at(place, Problem::GivenTwice { key: path.join(".") });
            } else if let Some(value) = self.entry(&path, key, item) {
                map.insert(name.clone(), value);
            }
        }
        map
    }

    /// One entry of a table; `None` if it was reported instead.
    fn entry(&mut self, path: &[&str], key: &TomlKey, item: &Item) -> Option<Value> {
        let owned: KeyPath = path.iter().map(|part| (*part).to_owned()).collect();
        match node(&pattern(path)) {
            Node::Leaf(leaf) => {
                let place = self.place(item.span().or_else(|| key.span()));
                self.findings.given(owned, place.clone());
                self.leaf(leaf, path, item, place)
            }
            Node::Table(_) | Node::Names | Node::Ids => {
                let place = self.place(key.span());
                self.findings.given(owned, place);
                let Some(table) = item.as_table_like() else {
                    let place = self.place(item.span().or_else(|| key.span()));
                    let header = format!("[{}]", path.join("."));
                    let problem = Problem::WrongType {
                        key: path.join("."),
                        found: found(item),
                        wanted: "a table",
                        example: header,
                    };
                    self.findings.report_at(place, problem);
                    return None;
                };
                Some(Value::from(self.table(path, table)))
            }
            Node::Entries => {
                let place = self.place(key.span());
                self.findings.given(owned, place);
                self.entries(path, key, item)
            }
            Node::Nothing => None,
        }
    }

    /// One table or several, by their numbers.
    fn entries(&mut self, path: &[&str], key: &TomlKey, item: &Item) -> Option<Value> {
        let tables: Option<Vec<&dyn TableLike>> = match item {
            Item::ArrayOfTables(tables) => {
                Some(tables.iter().map(|table| table as &dyn TableLike).collect())
            }
            Item::Value(toml_edit::Value::Array(items)) => items
                .iter()
                .map(|item| item.as_inline_table().map(|table| table as &dyn TableLike))
                .collect(),
            Item::None | Item::Value(_) | Item::Table(_) => {
                item.as_table_like().map(|table| vec![table])
            }
        };
        let place = self.place(item.span().or_else(|| key.span()));
        let Some(tables) = tables else {
            let problem = Problem::WrongType {
                key: path.join("."),
                found: found(item),
                wanted: "a table or a list of tables",
                example: format!("[[{}]]", path.join(".")),
            };
            self.findings.report_at(place, problem);
            return None;
        };
        let mut map = Map::new();
        for (number, table) in tables.into_iter().enumerate() {
            let number = number.to_string();
            let path: Vec<&str> = path.iter().copied().chain([number.as_str()]).collect();
            let owned: KeyPath = path.iter().map(|part| (*part).to_owned()).collect();
            self.findings.given(owned, place.clone());
            let entry = self.table(&path, table);
            map.insert(number, Value::from(entry));
        }
        Some(Value::from(map))
    }

    fn leaf(&mut self, leaf: &Key, path: &[&str], item: &Item, place: Place) -> Option<Value> {
        let read = match leaf.form {
            Form::Secret => {
                let path: KeyPath = path.iter().map(|part| (*part).to_owned()).collect();
                let problem =
                    Problem::SecretInFile { key: path.join("."), variable: variable(&path) };
                self.findings.report_at(place, problem);
                return None;
            }
            Form::Text | Form::Amount => {
                single(leaf.form, item).map(|text| self.text(path, &text, place.clone()))
            }
            Form::Switch => item.as_bool().map(|on| Some(Value::from(on.to_string()))),
            Form::Number => item.as_integer().map(|number| Some(Value::from(number.to_string()))),
            Form::List => item.as_array().map(|array| {
                let items = array.iter().enumerate().map(|(index, item)| {
                    let index = index.to_string();
                    let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
                    let place = self.place(item.span());
                    let owned = path.iter().map(|part| (*part).to_owned()).collect();
                    self.findings.given(owned, place.clone());
                    let Some(text) = item.as_str() else {
                        self.wrong(leaf, &path, item.type_name(), place);
                        // An empty text keeps the place of what follows in the list.
                        return Value::from("");
                    };
                    self.text(&path, text, place).unwrap_or_else(|| Value::from(""))
                });
                Some(Value::from(items.collect::<Vec<Value>>()))
            }),
            Form::ByEnvironment | Form::AmountByEnvironment => match item.as_table_like() {
                Some(table) => Some(Some(Value::from(self.by_environment(leaf, path, table)))),
                None => single(leaf.form, item).map(|text| self.text(path, &text, place.clone())),
            },
        };
        read.unwrap_or_else(|| {
            self.wrong(leaf, path, item.type_name(), place);
            None
        })
    }

    fn by_environment(
        &mut self,
        leaf: &Key,
        path: &[&str],
        table: &dyn TableLike,
    ) -> Map<String, Value> {
        let mut map = Map::new();
        for (environment, item) in table.iter() {
            let path: Vec<&str> = path.iter().copied().chain([environment]).collect();
            let span = item.span().or_else(|| table.key(environment).and_then(TomlKey::span));
            let place = self.place(span);
            let owned = path.iter().map(|part| (*part).to_owned()).collect();
            self.findings.given(owned, place.clone());
            match single(leaf.form, item) {
                Some(text) => {
                    if let Some(value) = self.text(&path, &text, place) {
                        map.insert(environment.to_owned(), value);
                    }
                }
                None => self.wrong(leaf, &path, item.type_name(), place),
            }
        }
        map
    }

    fn text(&mut self, path: &[&str], text: &str, place: Place) -> Option<Value> {
        if text.trim().is_empty() {
            self.findings.report_at(place, Problem::Empty { key: path.join(".") });
            return None;
        }
        Some(Value::from(text))
    }

    fn wrong(&mut self, leaf: &Key, path: &[&str], type_name: &str, place: Place) {
        // Inside a list or a table by environment a single text is wanted.
        let inside = pattern(path).len() > leaf.path.len();
        let wanted = if inside { leaf.form.single().wanted() } else { leaf.form.wanted() };
        let problem = Problem::WrongType {
            key: path.join("."),
            found: type_in_words(type_name),
            wanted,
            example: leaf.example_line(),
        };
        self.findings.report_at(place, problem);
    }
}

/// A single value as text; a number only where one may stand.
fn single(form: Form, item: &Item) -> Option<String> {
    let text = item.as_str().map(str::to_owned);
    let number = item.as_integer().map(|number| number.to_string());
    text.or_else(|| number.filter(|_| form.single() == Form::Amount))
}

fn unknown_key(path: &[&str], spelled: &str, known: &[&'static str]) -> Problem {
    let table =
        if path.is_empty() { "the file".to_owned() } else { format!("`{}`", path.join(".")) };
    Problem::UnknownKey {
        key: spelled.to_owned(),
        table,
        near: names::nearest(spelled, known.iter().copied()),
        known: known.iter().map(|key| (*key).to_owned()).collect(),
    }
}

fn found(item: &Item) -> &'static str {
    type_in_words(item.type_name())
}

/// TOML's type as a sentence has it.
fn type_in_words(type_name: &str) -> &'static str {
    match type_name {
        "string" => "text",
        "integer" | "float" => "a number",
        "boolean" => "true or false",
        "datetime" => "a date or time",
        "array" => "a list",
        "array of tables" => "a list of tables",
        _ => "a table",
    }
}
