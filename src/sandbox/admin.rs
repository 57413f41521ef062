//! The admin path, `/_sandbox/…`: what a Handle does, as JSON over HTTP, for programs that are not
//! in the same process. Must not do anything that a Handle cannot.

use axum::Json;
use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::calls::Call;
use super::chance::Odds;
use super::ecs::hands::Mishap;
use super::faults::Fault;
use super::handle::Handle;
use super::others::Deed;
use super::world::{ImageSpec, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enforced {
    key: String,
    policy: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    repository: String,
    tag: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Push {
    repository: String,
    image: ImageSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Desired {
    cluster: String,
    service: String,
    desired: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    cluster: String,
    service: String,
    deed: Deed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Misfortune {
    task: String,
    mishap: Mishap,
}

pub(super) fn answer(handle: &Handle, method: &Method, path: &str, body: &Bytes) -> Response {
    match act(handle, method, path, body) {
        Ok(answer) => Json(answer).into_response(),
        Err((status, message)) => (status, Json(json!({"error": message}))).into_response(),
    }
}

type Answer = Result<Value, (StatusCode, String)>;

fn act(handle: &Handle, method: &Method, path: &str, body: &Bytes) -> Answer {
    match (method.as_str(), path) {
        ("GET", "calls") => Ok(handle.calls().iter().map(Call::show).collect()),
        ("DELETE", "calls") => {
            handle.clear_calls();
            Ok(json!({}))
        }
        ("POST", "faults") => {
            handle.order(read::<Fault>(body)?).map_err(|error| (StatusCode::BAD_REQUEST, error))?;
            Ok(json!({}))
        }
        ("POST", "chance") => {
            handle
                .let_happen(read::<Odds>(body)?)
                .map_err(|error| (StatusCode::BAD_REQUEST, error))?;
            Ok(json!({}))
        }
        ("DELETE", "faults") => {
            handle.clear_faults();
            Ok(json!({}))
        }
        ("POST", "limits") => {
            handle.limit_rates(read::<Limits>(body)?.on);
            Ok(json!({}))
        }
        ("POST", "policies") => {
            let Enforced { key, policy } = read(body)?;
            let enforced = handle.enforce(&key, &policy);
            enforced.map(|()| json!({})).map_err(|error| (StatusCode::BAD_REQUEST, error))
        }
        ("DELETE", "policies") => {
            handle.lift_policies();
            Ok(json!({}))
        }
        ("DELETE", "denials") => Ok(handle.take_denials().into()),
        ("POST", "events") => {
            let sent = handle.send_events(Some(read(body)?));
            sent.map(|()| json!({})).map_err(|error| (StatusCode::BAD_REQUEST, error))
        }
        ("DELETE", "events") => {
            let stopped = handle.send_events(None);
            stopped.map(|()| json!({})).map_err(|error| (StatusCode::BAD_REQUEST, error))
        }
        ("GET", "world") => Ok(handle.summary()),
        ("POST", "seed") => {
            handle.seed(&read::<World>(body)?);
            Ok(handle.summary())
        }
        ("POST", "tags") => {
            let Tag { repository, tag, to } = read(body)?;
            let digest = handle.put_tag(&repository, &tag, &to);
            digest.map(|digest| json!({"digest": digest})).ok_or_else(|| nothing("image"))
        }
        ("POST", "images") => {
            let Push { repository, image } = read(body)?;
            let digest = handle.push(&repository, &image);
            digest.map(|digest| json!({"digest": digest})).ok_or_else(|| nothing("repository"))
        }
        ("POST", "mishaps") => {
            let Misfortune { task, mishap } = read(body)?;
            if handle.befall(&task, mishap) { Ok(json!({})) } else { Err(nothing("task")) }
        }
        ("POST", "desired") => {
            let Desired { cluster, service, desired } = read(body)?;
            let found = handle.set_desired(&cluster, &service, desired);
            if found { Ok(json!({})) } else { Err(nothing("service")) }
        }
        ("POST", "deeds") => {
            let Done { cluster, service, deed } = read(body)?;
            let done = handle.lay_hands(&cluster, &service, &deed);
            if done { Ok(json!({})) } else { Err(nothing("service, or ECS refused")) }
        }
        (method, path) => {
            Err((StatusCode::NOT_FOUND, format!("there is no {method} /_sandbox/{path}")))
        }
    }
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

fn nothing(what: &str) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("there is no such {what}"))
}
