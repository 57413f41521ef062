//! AWS's own service models, out of PyPI's botocore, and a check of JSON against them. Must not
//! know the sandbox.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Map, Value};

/// The folder of the peers' virtual environment.
pub(crate) fn peers() -> PathBuf {
    match std::env::var_os("SHIPMATE_PEERS") {
        Some(folder) => folder.into(),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default())
            .join(".cache/shipmate-peers"),
    }
}

/// Says that a test is skipped, or fails it where the peers are required.
pub(crate) fn skipped(test: &str, why: &str) {
    let required = std::env::var("SHIPMATE_REQUIRE_PEERS").is_ok_and(|required| required == "1");
    assert!(!required, "{test}: {why}, and SHIPMATE_REQUIRE_PEERS=1");
    eprintln!("{test} was skipped: {why} (tests/peers/install.sh installs it)");
}

/// A service's model.
pub(crate) struct Model {
    operations: Map<String, Value>,
    shapes: Map<String, Value>,
}

/// Reads `data/SERVICE/VERSION/service-2.json` of botocore, which may be compressed. botocore is
/// looked for in SHIPMATE_BOTOCORE (its folder), with the peers, and with the system's python3.
pub(crate) fn load(service: &str, version: &str) -> Option<Model> {
    const READ: &str = "
import gzip, os, sys
folder = os.environ.get('SHIPMATE_BOTOCORE')
if not folder:
    import botocore
    folder = os.path.dirname(botocore.__file__)
path = os.path.join(folder, 'data', sys.argv[1], sys.argv[2], 'service-2.json')
data = open(path, 'rb') if os.path.exists(path) else gzip.open(path + '.gz')
sys.stdout.buffer.write(data.read())";
    let pythons = [peers().join("bin/python"), PathBuf::from("python3")];
    let text = pythons.iter().find_map(|python| {
        let output = Command::new(python).args(["-c", READ, service, version]).output().ok()?;
        output.status.success().then_some(output.stdout)
    })?;
    let mut model: Value = serde_json::from_slice(&text).unwrap();
    let mut take = |name: &str| match model[name].take() {
        Value::Object(members) => members,
        other => panic!("{name} of the model is {other}"),
    };
    Some(Model { operations: take("operations"), shapes: take("shapes") })
}

impl Model {
    fn shape_of(&self, operation: &str, side: &str) -> Option<&str> {
        self.operations.get(operation)?.get(side)?.get("shape")?.as_str()
    }

    pub(crate) fn has(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }

    /// The members that a call must carry.
    pub(crate) fn required(&self, operation: &str) -> Vec<String> {
        let shape = self.shape_of(operation, "input").and_then(|shape| self.shapes.get(shape));
        let required =
            shape.and_then(|shape| shape["required"].as_array().cloned()).unwrap_or_default();
        required.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// Whether the service has an error of that name at all.
    pub(crate) fn has_error(&self, name: &str) -> bool {
        self.shapes.get(name).is_some_and(|shape| shape["exception"] == true)
    }

    /// Whether the operation lists the error.
    pub(crate) fn may_refuse(&self, operation: &str, name: &str) -> bool {
        let errors =
            self.operations.get(operation).and_then(|operation| operation["errors"].as_array());
        errors.is_some_and(|errors| errors.iter().any(|error| error["shape"] == name))
    }

    /// What is wrong with an input of the operation.
    pub(crate) fn wrong_input(&self, operation: &str, value: &Value) -> Vec<String> {
        self.wrong(operation, "input", value)
    }

    /// What is wrong with an answer of the operation.
    pub(crate) fn wrong_output(&self, operation: &str, value: &Value) -> Vec<String> {
        self.wrong(operation, "output", value)
    }

    fn wrong(&self, operation: &str, side: &str, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        match self.shape_of(operation, side) {
            Some(shape) => self.check(shape, value, operation, &mut found),
            None => found.push(format!("{operation} has no {side} in the model")),
        }
        found
    }

    fn check(&self, shape: &str, value: &Value, at: &str, found: &mut Vec<String>) {
        let Some(shape) = self.shapes.get(shape) else {
            found.push(format!("{at}: the model has no shape {shape}"));
            return;
        };
        let is_right = match shape["type"].as_str().unwrap_or_default() {
            "structure" => {
                if let Value::Object(members) = value {
                    self.check_structure(shape, members, at, found);
                }
                value.is_object()
            }
            "list" => {
                let member = shape["member"]["shape"].as_str().unwrap_or_default();
                for (number, entry) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(member, entry, &format!("{at}[{number}]"), found);
                }
                value.is_array()
            }
            "map" => {
                let key = shape["key"]["shape"].as_str().unwrap_or_default();
                let member = shape["value"]["shape"].as_str().unwrap_or_default();
                for (name, entry) in value.as_object().into_iter().flatten() {
                    self.check(key, &Value::String(name.clone()), at, found);
                    self.check(member, entry, &format!("{at}.{name}"), found);
                }
                value.is_object()
            }
            "string" => {
                if let (Some(choices), Some(text)) = (shape["enum"].as_array(), value.as_str())
                    && !choices.iter().any(|choice| choice == text)
                {
                    found.push(format!("{at}: {text} is not among the model's values"));
                }
                value.is_string()
            }
            "integer" | "long" => value.is_i64() || value.is_u64(),
            "double" | "float" | "timestamp" => value.is_number(),
            "boolean" => value.is_boolean(),
            "blob" => value.is_string(),
            other => panic!("{at}: the model has a type {other}"),
        };
        if !is_right {
            found.push(format!("{at}: {value} is not a {}", shape["type"]));
        }
    }

    fn check_structure(
        &self,
        shape: &Value,
        members: &Map<String, Value>,
        at: &str,
        found: &mut Vec<String>,
    ) {
        for name in shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if members.get(name).is_none_or(Value::is_null) {
                found.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, value) in members {
            match shape["members"][name]["shape"].as_str() {
                Some(member) => self.check(member, value, &format!("{at}.{name}"), found),
                None => found.push(format!("{at}: the model has no member {name}")),
            }
        }
    }
}
