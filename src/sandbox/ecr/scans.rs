//! ECR's scan findings. Must not change anything.

use serde_json::{Value, json};

use super::super::error::{ErrorName, Refusal};
use super::super::input::{Input, missing, page, token};
use super::super::state::State;
use super::super::times::stamp;
use super::images::{no_image, with_token};
use super::{ImageId, repository};

const SEVERITIES: [&str; 6] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"];

pub(super) fn describe(state: &State, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = repository(state, input)?;
    let id = ImageId::read(input.raw("imageId").ok_or_else(|| missing("imageId"))?)?;
    let size = input.page_size(100, 1_000)?;
    let image = match id.find(repository) {
        Ok(image) => image,
        Err(("ImageNotFound", _)) => return Err(no_image(state, repository, &id)),
        Err((_, reason)) => return Err(Refusal::invalid(reason)),
    };
    let Some(scan) = &image.scan else {
        let message = format!("Image scan does not exist for the image with '{}'", image.digest);
        return Err(Refusal::new(ErrorName::ScanNotFound, message));
    };
    let after = token(input)?;
    let findings = SEVERITIES
        .iter()
        .enumerate()
        .flat_map(|(rank, severity)| {
            let count = scan.counts.get(*severity).copied().unwrap_or(0);
            (0..count)
                .map(move |number| (format!("{rank}-{number:06}"), finding(severity, rank, number)))
        })
        .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let (findings, next) = page(findings, size);
    let mut image_id = id.show();
    image_id["imageDigest"] = json!(image.digest);
    let answer = json!({
        "registryId": state.account,
        "repositoryName": repository.name,
        "imageId": image_id,
        "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
        "imageScanFindings": {
            "imageScanCompletedAt": stamp(scan.completed),
            "vulnerabilitySourceUpdatedAt": stamp(scan.completed),
            "findingSeverityCounts": scan.counts,
            "findings": findings,
        },
    });
    Ok(with_token(answer, next))
}

/// A finding with a number of its own. The numbers lie where no real vulnerability has one.
fn finding(severity: &str, rank: usize, number: u32) -> Value {
    let name = format!("CVE-1990-{}", 10_000 + rank as u32 * 1_000 + number);
    json!({
        "name": name,
        "description": format!("An invented vulnerability of severity {severity}."),
        "uri": format!("https://example.com/{name}"),
        "severity": severity,
        "attributes": [
            {"key": "package_name", "value": "example"},
            {"key": "package_version", "value": format!("1.{number}.0")},
        ],
    })
}
