//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shipmate::app;
use shipmate::clock::OffsetClock;
use shipmate::ports::Clock as _;
use shipmate::reserve::Failure;
use shipmate::telemetry;

/// A ChatOps deployment bot: promotes ECR images to ECS environments from a chat line.
#[derive(Parser)]
#[command(version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try it: a channel in the terminal and a simulated AWS; or play a script from standard input
    Demo {
        /// Shorten the simulated times and the settling
        #[arg(long)]
        fast: bool,
        /// Use another simulated AWS on this machine
        #[arg(long, value_name = "http://127.0.0.1:PORT")]
        aws: Option<String>,
        /// Use these settings; people and roles come from there
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
    },
    /// Start only the simulated AWS, for other tools
    Sandbox {
        /// The port on 127.0.0.1; 0 picks a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Shorten the simulated times
        #[arg(long)]
        fast: bool,
    },
    /// Run on Discord, with the AWS that the environment says
    Run {
        /// The settings
        #[arg(long, value_name = "FILE", default_value = "shipmate.toml")]
        settings: PathBuf,
    },
    /// Have an environment for yourself while a command runs; ends with the command's status
    Reserve {
        /// The environment
        environment: String,
        /// What for: people who wait read it
        #[arg(long)]
        reason: Option<String>,
        /// Where Shipmate listens, else SHIPMATE_SERVER
        #[arg(long, value_name = "https://HOST")]
        server: Option<String>,
        /// A file with the token, else SHIPMATE_TOKEN
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Trust these certificates instead of the system's
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
        /// Let the command go on where the reservation is lost with the connection
        #[arg(long)]
        keep_going: bool,
        /// For how long to stand in line, such as 10m; for ever where it is not given
        #[arg(long, value_name = "TIME")]
        wait: Option<String>,
        /// The command and its arguments, after --
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Check settings, commands and policies, and run the policies' cases
    Check {
        /// The settings
        #[arg(long, value_name = "FILE", default_value = "shipmate.toml")]
        settings: PathBuf,
        /// Ask Discord, too: token, intents, roles, and permissions in each channel
        #[arg(long)]
        online: bool,
    },
}

#[expect(clippy::print_stderr, reason = "an error that ends the program is told where it is run")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // One provider of cryptography, chosen before anything can ask for one. A second call
    // would be an error; this is the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("shipmate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A status that is the command's own, or tells why it was not run to its end.
#[expect(clippy::print_stderr, reason = "an error that ends the program is told where it is run")]
fn reserved(ended: Result<u8, Failure>) -> ExitCode {
    match ended {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("shipmate: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

#[expect(clippy::print_stdout, reason = "the report of a check is what the command says")]
fn run(command: Command) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    match command {
        Command::Demo { fast, aws, settings } => {
            telemetry::start("off");
            runtime.block_on(app::demo(app::Demo { fast, aws, settings }))
        }
        Command::Sandbox { port, fast } => {
            telemetry::start("info");
            runtime.block_on(app::sandbox(port, fast))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run { settings } => {
            // serenity tells of each reconnection; what matters of them is told here.
            telemetry::start("info,serenity=error");
            runtime.block_on(app::run(&settings))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Reserve {
            environment,
            reason,
            server,
            token_file,
            ca_file,
            keep_going,
            wait,
            command,
        } => {
            telemetry::start("off");
            let arguments = app::Reserve {
                environment,
                reason,
                server,
                token_file,
                ca_file,
                keep_going,
                wait,
                command,
            };
            Ok(reserved(runtime.block_on(app::reserve(arguments))))
        }
        Command::Check { settings, online } => {
            let mut checked = app::check(&settings, app::variables(), OffsetClock::default().now());
            if online {
                telemetry::start("off");
                let asked = app::check_online(&settings, app::variables(), checked);
                checked = runtime.block_on(asked);
            }
            print!("{}", checked.report);
            Ok(if checked.sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}
