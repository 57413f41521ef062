//! From a message to the first card on its way, with nothing of AWS in it: through the
//! engine, a journal on disk and the terminal's channel.

use shipmate::aws::Endpoint;
use shipmate::engine::Rhythm;

use crate::harness::{Budget, Figure, Row, Section};
use crate::ship::{self, Berth, Medium, Ship};

const ROUNDS: usize = 400;

pub async fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("From a message to the first reply");
    for medium in Medium::ALL {
        with(medium, &mut section).await?;
    }
    section.note(
        "Each message is written into the inbox before anything else, synchronised to the disk: the rows with the journal in \
         memory show what is left without the disk. The chat is the terminal, which takes no time; Discord's own way there \
         and back is not in it.",
    );
    Ok(section)
}

async fn with(medium: Medium, section: &mut Section) -> anyhow::Result<()> {
    let sandbox = ship::sandbox(shipmate::sandbox::demo_world(), ship::at_once()).await?;
    let mut ship = Ship::launch(Berth {
        settings: ship::shipped_settings()?,
        endpoint: Endpoint::Simulated { url: sandbox.url() },
        rhythm: Rhythm::default(),
        medium,
    })
    .await?;
    ship.engine.refresh_vocabulary().await;
    sandbox.clear_calls();
    for (text, what) in [
        ("help", "`help`"),
        ("whoami", "`whoami`: each action in each environment is decided"),
        ("promot core:1.5.0 to staging", "a misspelt line, refused with what was meant"),
        ("promote core:1.5.0 to stagin", "an environment that does not exist"),
    ] {
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            times.push(ship.reply_time("alice", text).await?);
        }
        let row = Row::new(format!("{what}, {}", medium.name()), Figure::times(&times)?);
        section.row(row.budget(Budget::Tail(5e-3)));
    }
    anyhow::ensure!(sandbox.calls().is_empty(), "AWS was called: {:?}", sandbox.calls());
    ship.strand().await;
    sandbox.stop().await;
    Ok(())
}
