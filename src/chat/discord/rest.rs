//! Requests to Discord: limits obeyed, what is transient tried again within a budget, and every
//! answer one of a few kinds. Knows no card.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serenity::http::{Http, HttpBuilder, LightMethod, Multipart, Ratelimiter, Request, Route};
use tokio::time::Instant;

use super::limits::Limits;

/// For how long a request that finds Discord ill is tried again.
const BUDGET: Duration = Duration::from_secs(30);
/// For how long a request waits for its turn where limits are obeyed by us.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The pause before the second try; each is twice the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(15);
/// For how long nothing is asked after Discord did not know the token: who goes on asking is
/// blocked.
const TOKEN_REFUSED: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What was asked about does not exist (any more).
    #[error("Discord knows no such thing ({code}: {message})")]
    Gone { code: i64, message: String },
    /// Discord says no, and will say no again.
    #[error("Discord says no ({status}, {code}): {message}")]
    Refused { status: u16, code: i64, message: String },
    /// Discord did not answer, or could not.
    #[error("Discord does not answer: {0}")]
    Unavailable(String),
}

impl Failure {
    /// Discord's own code for what is wrong; 0 where there is none.
    pub fn code(&self) -> i64 {
        match self {
            Self::Gone { code, .. } | Self::Refused { code, .. } => *code,
            Self::Unavailable(_) => 0,
        }
    }
}

/// How Discord is reached.
pub struct Rest {
    http: Http,
    client: reqwest::Client,
    /// Where limits are obeyed by us: serenity's limiter only speaks to discord.com.
    limits: Option<Limits>,
    /// Nothing is asked before this moment.
    quiet_until: Arc<Mutex<Option<Instant>>>,
}

impl Rest {
    /// `api`: another server than Discord's that speaks its API, such as `http://127.0.0.1:3100`.
    pub fn new(token: &str, client: reqwest::Client, api: Option<&str>) -> Self {
        let quiet_until = Arc::new(Mutex::new(None));
        let builder = HttpBuilder::new(token).client(client.clone());
        let (http, limits) = match api {
            Some(api) => {
                let http = builder.proxy(api).ratelimiter_disabled(true).build();
                (http, Some(Limits::default()))
            }
            None => {
                let mut limiter = Ratelimiter::new(client.clone(), format!("Bot {token}"));
                let quiet = Arc::clone(&quiet_until);
                limiter.set_ratelimit_callback(Box::new(move |limited| {
                    metrics::counter!("shipmate_discord_rate_limited_total").increment(1);
                    // serenity keeps only the request that was told so from asking on.
                    if limited.global {
                        keep_quiet(&quiet, limited.timeout);
                    }
                }));
                (builder.ratelimiter(limiter).build(), None)
            }
        };
        Self { http, client, limits, quiet_until }
    }

    /// Asks, and reads the answer.
    pub async fn get<T: DeserializeOwned>(
        &self,
        route: Route<'_>,
        params: Vec<(&'static str, String)>,
    ) -> Result<T, Failure> {
        let params = (!params.is_empty()).then_some(params);
        let answer = self.ask(&Request::new(route, LightMethod::Get).params(params)).await?;
        serde_json::from_value(answer)
            .map_err(|error| Failure::Unavailable(format!("its answer cannot be read: {error}")))
    }

    /// Sends a body, and gives the answer; `Null` where there is none.
    pub async fn send(
        &self,
        method: LightMethod,
        route: Route<'_>,
        body: &Value,
    ) -> Result<Value, Failure> {
        self.ask(&Request::new(route, method).body(Some(body.to_string().into_bytes()))).await
    }

    /// Sends a body with files beside it, and gives the answer.
    pub async fn send_parts(
        &self,
        method: LightMethod,
        route: Route<'_>,
        parts: Multipart,
    ) -> Result<Value, Failure> {
        self.ask(&Request::new(route, method).multipart(Some(parts))).await
    }

    /// Puts or takes away something that is named by its address.
    pub async fn change(&self, method: LightMethod, route: Route<'_>) -> Result<(), Failure> {
        self.ask(&Request::new(route, method)).await.map(|_| ())
    }

    async fn ask(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            self.wait_for_quiet(request).await;
            let transient = match self.try_once(request).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Unavailable(why)) => why,
                Err(failure) => {
                    metrics::counter!("shipmate_discord_requests_failed_total").increment(1);
                    return Err(failure);
                }
            };
            if began.elapsed() + pause > BUDGET {
                metrics::counter!("shipmate_discord_requests_failed_total").increment(1);
                return Err(Failure::Unavailable(transient));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_once(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let response = match (&self.limits, &self.http.ratelimiter) {
            (None, Some(limiter)) => {
                // It waits for as long as Discord asks it to; only the try itself has a limit,
                // which the client keeps.
                limiter.perform(request.clone()).await.map_err(|error| unavailable(&error))?
            }
            (Some(limits), _) => self.within_limits(limits, request).await?,
            (None, None) => return Err(Failure::Unavailable("there is no limiter".to_owned())),
        };
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(|error| unavailable(&error))?;
        if (200..300).contains(&status) {
            if body.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&body)
                .map_err(|error| Failure::Unavailable(format!("its answer is cut off: {error}")));
        }
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = told["code"].as_i64().unwrap_or(0);
        let message = told["message"].as_str().unwrap_or("no reason given");
        // What was wrong with the request stands here: for the log, where it is mended.
        let message = match told.get("errors") {
            Some(errors) => format!("{message}: {errors}"),
            None => message.to_owned(),
        };
        Err(match status {
            404 => Failure::Gone { code, message },
            429 | 500.. => Failure::Unavailable(format!("{status}: {message}")),
            401 if code == 0 => {
                keep_quiet(&self.quiet_until, TOKEN_REFUSED);
                Failure::Refused { status, code, message: "it does not know the token".to_owned() }
            }
            _ => Failure::Refused { status, code, message },
        })
    }

    /// One try, when the limits that Discord told of allow it; a 429 is waited for.
    async fn within_limits(
        &self,
        limits: &Limits,
        request: &Request<'_>,
    ) -> Result<reqwest::Response, Failure> {
        let method = request.method_ref().reqwest_method();
        let place = (request.route_ref().ratelimiting_bucket(), method);
        let began = Instant::now();
        loop {
            limits.turn(&place).await;
            self.wait_for_quiet(request).await;
            let proxy = self.http.proxy.as_deref();
            let built = request.clone().build(&self.client, self.http.token(), proxy);
            let built = built.map_err(|error| unavailable(&error))?.timeout(TRY).build();
            let request = built.map_err(|error| unavailable(&error))?;
            let response = self.client.execute(request).await;
            let response = response.map_err(|error| unavailable(&error))?;
            let Some(limited) = limits.note(&place, &response) else { return Ok(response) };
            metrics::counter!("shipmate_discord_rate_limited_total").increment(1);
            if limited.global {
                keep_quiet(&self.quiet_until, limited.wait);
            }
            if began.elapsed() + limited.wait > LONGEST_WAIT {
                return Ok(response);
            }
            tokio::time::sleep(limited.wait).await;
        }
    }

    async fn wait_for_quiet(&self, request: &Request<'_>) {
        // An acknowledgement has three seconds, needs no token of ours, and counts for no limit
        // of all requests.
        if matches!(request.route_ref(), Route::InteractionResponse { .. }) {
            return;
        }
        loop {
            let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                Some(_) | None => return,
            }
        }
    }
}

fn keep_quiet(quiet_until: &Mutex<Option<Instant>>, wait: Duration) {
    let mut until = quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = Instant::now() + wait;
    if until.is_none_or(|earlier| earlier < asked) {
        *until = Some(asked);
    }
}

/// An error of the way to Discord, without the address, in which a token may stand.
fn unavailable(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut why = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        // The innermost error says what happened and names no address.
        why = error.to_string();
        next = error.source();
    }
    Failure::Unavailable(if why.contains("http") {
        "the connection failed".to_owned()
    } else {
        why
    })
}
