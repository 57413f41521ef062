//! Reads the templates of the schedules, and tries each on states that there may be: what is
//! wrong with one is told before it is due.

use anyhow::Context;

use crate::domain::schedule::{Content, Planned, Schedule, Template};
use crate::report::{TemplateError, Templates, Text, samples};

/// What is wrong with the templates.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub(super) struct TemplateErrors(Vec<TemplateError>);

/// The schedules with their templates.
///
/// # Errors
/// All that is wrong with all of them.
pub(super) fn schedules(planned: &[Planned]) -> anyhow::Result<Vec<Schedule>> {
    let (templates, samples) = (Templates::default(), samples());
    let mut schedules = Vec::new();
    let mut wrong = Vec::new();
    for one in planned {
        let content = content(one)?;
        let text = match &content {
            Content::ReadyMade(ready) => Some(Text::from(*ready)),
            Content::Template { name, text } => {
                Some(Text { name: name.clone(), text: text.clone() })
            }
            Content::Said(_) => None,
        };
        if let Some(text) = text {
            wrong.extend(templates.check(&text, &samples).err());
        }
        schedules.push(one.clone().with(content));
    }
    if wrong.is_empty() { Ok(schedules) } else { Err(TemplateErrors(wrong).into()) }
}

fn content(planned: &Planned) -> anyhow::Result<Content> {
    Ok(match &planned.template {
        Template::ReadyMade(ready) => Content::ReadyMade(*ready),
        Template::Text(text) => {
            let name = format!("the template of [schedules.{}]", planned.name);
            Content::Template { name, text: text.clone() }
        }
        Template::File(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(|| {
                format!("{name}, the template of [schedules.{}], cannot be read", planned.name)
            })?;
            Content::Template { name, text }
        }
    })
}
