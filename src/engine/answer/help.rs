//! `help`: out of the commands' own files.

use super::super::Engine;
use crate::domain::command::Command;
use crate::grammar::HelpPage;
use crate::ports::Said;
use crate::report;

impl Engine {
    pub(super) async fn help(&self, said: &Said, topic: Option<&str>) {
        let command = Command::Help { topic: topic.map(str::to_owned) };
        let grammar = &self.parts.grammar;
        let pages: Vec<HelpPage> = match topic.and_then(|topic| grammar.help_for(topic)) {
            Some(page) => vec![page],
            None => grammar.help().iter().filter_map(|line| grammar.help_for(&line.id)).collect(),
        };
        let topics: Vec<report::Topic> = pages
            .into_iter()
            .map(|HelpPage { title, summary, usage, examples, .. }| report::Topic {
                id: title,
                summary,
                usage,
                examples,
            })
            .collect();
        let card = report::help_card(&topics);
        self.answer_with(said, &command, &card).await;
    }
}
