//! Asks a service over HTTP, once: the after-checks of the settings. Changes nothing by asking,
//! follows no redirect, reads no more of an answer than it must, and tells no address in its
//! errors. Imports only `domain`; when to ask, and how often, is not known here.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;

use crate::domain::after_check::{AfterCheck, Answer};

/// So much of a body is searched for the text that must occur in it, in bytes.
const LONGEST_BODY: usize = 256 * 1024;

/// The longest time for a connection to stand.
const CONNECT: Duration = Duration::from_secs(3);

/// Who asks over HTTP. Its client is made with the first question: most settings have none.
#[derive(Debug, Default)]
pub struct Probe {
    client: OnceLock<Result<reqwest::Client, String>>,
    direct: bool,
}

impl Probe {
    /// One that goes through no proxy, whatever the environment says: for what is on this machine.
    pub fn direct() -> Self {
        Self { direct: true, ..Self::default() }
    }

    /// Asks once.
    ///
    /// # Errors
    /// The [`Answer`], where it is not the one expected.
    pub async fn ask(&self, check: &AfterCheck, limit: Duration) -> Result<(), Answer> {
        match tokio::time::timeout(limit, self.converse(check)).await {
            Ok(answered) => answered,
            Err(_) => Err(Answer::Late),
        }
    }

    async fn converse(&self, check: &AfterCheck) -> Result<(), Answer> {
        let client = self.client().map_err(|why| Answer::Silent { why })?;
        let mut response = client.get(check.url.reveal()).send().await.map_err(silent)?;
        let status = response.status().as_u16();
        if status != check.expect {
            return Err(Answer::Status { status });
        }
        let Some(text) = &check.body else { return Ok(()) };
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(silent)? {
            body.extend_from_slice(&part);
            if body.len() >= LONGEST_BODY {
                break;
            }
        }
        body.truncate(LONGEST_BODY);
        if String::from_utf8_lossy(&body).contains(text.as_str()) {
            return Ok(());
        }
        Err(Answer::Lacks { text: text.clone() })
    }

    fn client(&self) -> Result<reqwest::Client, String> {
        let made = self.client.get_or_init(|| {
            let builder = reqwest::Client::builder()
                .user_agent("shipmate")
                .redirect(Policy::none())
                .connect_timeout(CONNECT)
                // Each try should meet the tasks that run now.
                .pool_max_idle_per_host(0);
            let builder = if self.direct { builder.no_proxy() } else { builder };
            builder.build().map_err(|error| innermost(&error))
        });
        made.clone()
    }
}

fn silent(error: reqwest::Error) -> Answer {
    if error.is_timeout() {
        return Answer::Late;
    }
    Answer::Silent { why: innermost(&error) }
}

/// What began it: `Connection refused`. The errors around it name the whole address.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: Option<&dyn Error> = None;
    let mut next = error.source();
    while let Some(error) = next {
        innermost = Some(error);
        next = error.source();
    }
    innermost.map_or_else(|| "no answer".to_owned(), ToString::to_string)
}
