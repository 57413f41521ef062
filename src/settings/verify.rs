//! After-checks: what each service must answer over HTTP once it runs a new image. Asks nothing.

use std::time::Duration;

use reqwest::Url;

use super::check::{duration, required};
use super::discord::is_loopback;
use super::error::Problem;
use super::findings::Findings;
use super::keys;
use super::raw::{ByEnvironment, RawService, RawVerify};
use crate::domain::after_check::{AfterCheck, CheckUrl};
use crate::domain::words_of_time::length;

/// More checks of one service than this make a card that nobody reads.
const MOST: usize = 10;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// Whether each check of the service can be made.
pub(super) fn check(service: &str, raw: &RawService, findings: &mut Findings) {
    if raw.verify.len() > MOST {
        let key = format!("services.{service}.verify");
        findings.report(&["services", service, "verify"], Problem::TooMany { key, most: MOST });
    }
    for (number, one) in &raw.verify {
        let number = number.to_string();
        let at =
            |key: &'static str| ["services", service, "verify", &number, key].map(str::to_owned);
        let path = at("url");
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match &one.url {
            None => drop(required(&path, None, findings)),
            Some(ByEnvironment::All(url)) => check_address(&path, url, findings),
            Some(ByEnvironment::Each(urls)) => {
                for (environment, url) in urls {
                    let path = [path.as_slice(), &[environment.as_str()]].concat();
                    check_address(&path, url, findings);
                }
            }
        }
        let path = at("expect");
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if status(one).is_none() {
            findings.report(&path, Problem::BadStatus { key: path.join(".") });
        }
        let path = at("within");
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let within = duration(&path, within(one), findings);
        if within.is_some_and(|within| within < SHORTEST || within > LONGEST) {
            let (least, most) = ("1s", "10m");
            findings.report(&path, Problem::OutOfRange { key: path.join("."), least, most });
        }
    }
}

fn check_address(path: &[&str], text: &str, findings: &mut Findings) {
    let fits = Url::parse(text).is_ok_and(|url| {
        let nobody = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && nobody
    });
    if !fits {
        findings.report(path, Problem::BadAddress { key: path.join(".") });
    }
}

fn status(raw: &RawVerify) -> Option<u16> {
    let status = raw.expect.as_deref().unwrap_or(keys::EXPECT).trim().parse().ok();
    status.filter(|status| (100..600).contains(status))
}

fn within(raw: &RawVerify) -> &str {
    raw.within.as_deref().unwrap_or(keys::WITHIN)
}

/// What the service is asked in this environment. What is wrong is reported by [`check`].
pub(super) fn checks(environment: &str, raw: &RawService) -> Vec<AfterCheck> {
    let one = |raw: &RawVerify| {
        let url = raw.url.as_ref()?.get(environment)?;
        Some(AfterCheck {
            url: CheckUrl::new(url),
            expect: status(raw)?,
            body: raw.body.clone(),
            within: length(within(raw)).ok()?,
        })
    };
    raw.verify.values().filter_map(one).collect()
}

/// Whether whoever answers there is on this machine.
pub(super) fn is_on_loopback(url: &CheckUrl) -> bool {
    Url::parse(url.reveal()).is_ok_and(|url| url.host_str().is_some_and(is_loopback))
}
