//! Reads the templates of the schedules, and tries each on states that there may be: what is
//! wrong with one is told before it is due.

use std::path::PathBuf;

use crate::domain::id::ScheduleName;
use crate::domain::schedule::{Content, Planned, Schedule, Template};
use crate::report::{TemplateError, Templates, Text, samples};

/// What is wrong with the templates.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub(super) struct TemplateErrors(Vec<Wrong>);

/// What is wrong with one of them.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("{0}")]
    Template(TemplateError),
    #[error(
        "{}, the template of [schedules.{schedule}], cannot be read: {why}",
        file.display()
    )]
    Unreadable { file: PathBuf, schedule: ScheduleName, why: String },
}

/// The schedules with their templates.
///
/// # Errors
/// All that is wrong with all of them.
pub(super) fn schedules(planned: &[Planned]) -> Result<Vec<Schedule>, TemplateErrors> {
    let (templates, samples) = (Templates::default(), samples());
    let mut schedules = Vec::new();
    let mut wrong = Vec::new();
    for one in planned {
        let (text, content) = match read(one) {
            Ok(read) => read,
            Err(unreadable) => {
                wrong.push(unreadable);
                continue;
            }
        };
        wrong.extend(templates.check(&text, &samples).err().map(Wrong::Template));
        schedules.push(one.clone().with(content));
    }
    if wrong.is_empty() { Ok(schedules) } else { Err(TemplateErrors(wrong)) }
}

/// A template, named by where it stands, and what is announced by it, named as people know it.
fn read(planned: &Planned) -> Result<(Text, Content), Wrong> {
    let (name, text) = match &planned.template {
        Template::ReadyMade(ready) => return Ok((Text::from(*ready), Content::ReadyMade(*ready))),
        Template::Text(text) => {
            (format!("the template of [schedules.{}]", planned.name), text.clone())
        }
        Template::File(file) => match std::fs::read_to_string(file) {
            Ok(text) => (file.display().to_string(), text),
            Err(why) => {
                let (schedule, why) = (planned.name.clone(), why.to_string());
                return Err(Wrong::Unreadable { file: file.clone(), schedule, why });
            }
        },
    };
    let known_as = planned.name.to_string();
    Ok((Text { name, text: text.clone() }, Content::Template { name: known_as, text }))
}
