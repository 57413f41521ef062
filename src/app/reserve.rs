//! `shipmate reserve`: has an environment for itself while a command runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::SecretString;

use super::run::tls;
use crate::domain::words_of_time;
use crate::reserve::{Failure, Server, Wanted, reserve as run};

/// What the command line says.
pub struct Reserve {
    pub environment: String,
    pub reason: Option<String>,
    pub server: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub keep_going: bool,
    pub wait: Option<String>,
    pub command: Vec<OsString>,
}

/// Waits for the environment, runs the command, and gives the environment back; gives the
/// command's own status.
///
/// # Errors
/// [`Failure`], each with a status of its own.
pub async fn reserve(arguments: Reserve) -> Result<u8, Failure> {
    let unusable = |error: anyhow::Error| Failure::Unusable(format!("{error:#}"));
    let server = server(&arguments).map_err(unusable)?;
    let wait = arguments.wait.as_deref().map(length).transpose().map_err(unusable)?;
    let Reserve { environment, reason, keep_going, command, .. } = arguments;
    Box::pin(run(server, Wanted { environment, reason, keep_going, wait, command })).await
}

fn server(arguments: &Reserve) -> anyhow::Result<Server> {
    let named = arguments.server.clone().or_else(|| std::env::var("SHIPMATE_SERVER").ok());
    let named = named.context("where is the server? Name it with --server or SHIPMATE_SERVER")?;
    let token = token(arguments.token_file.as_deref())?;
    // Where nothing is encrypted no certificate is needed, either.
    let roots = match &arguments.ca_file {
        Some(file) => private(file)?,
        None if named.starts_with("http://") => RootCertStore::empty(),
        None => public()?,
    };
    Ok(Server::new(&named, token, Arc::new(tls(roots)?))?)
}

/// What it holds is never shown, also not where it is wrong.
fn token(file: Option<&Path>) -> anyhow::Result<SecretString> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("the token file {} cannot be read", file.display()))?,
        None => std::env::var("SHIPMATE_TOKEN")
            .ok()
            .context("there is no token: set SHIPMATE_TOKEN, or name a file with --token-file")?,
    };
    let text = text.trim();
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    anyhow::ensure!(fits, "that is no token: it must be one word, without spaces");
    Ok(SecretString::from(text))
}

fn public() -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    anyhow::ensure!(
        !roots.is_empty(),
        "this system has no certificates to trust the server by: install ca-certificates, or name \
         a file with --ca-file"
    );
    Ok(roots)
}

/// The certificates of this file, and no others.
fn private(file: &Path) -> anyhow::Result<RootCertStore> {
    let named = || format!("the certificates in {} cannot be read", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).with_context(named)? {
        roots.add(certificate.with_context(named)?).with_context(named)?;
    }
    anyhow::ensure!(!roots.is_empty(), "there is no certificate in {}", file.display());
    Ok(roots)
}

/// `10m`, as everywhere.
fn length(text: &str) -> anyhow::Result<Duration> {
    words_of_time::length(text).map_err(|error| anyhow::anyhow!("--wait: {error}"))
}
