//! Answers and refusals in Discord's shapes.

use serde_json::{Map, Value, json};

/// What is sent back when it went well; `body` none: 204.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Option<Value>,
}

impl Answer {
    pub fn ok(body: Value) -> Answer {
        Answer { status: 200, body: Some(body) }
    }

    pub fn created(body: Value) -> Answer {
        Answer { status: 201, body: Some(body) }
    }

    pub fn nothing() -> Answer {
        Answer { status: 204, body: None }
    }
}

/// What is sent back when it did not.
#[derive(Clone, Debug)]
pub struct Refused {
    pub status: u16,
    pub code: u32,
    pub message: String,
    pub errors: Option<Value>,
}

impl Refused {
    pub fn new(status: u16, code: u32, message: &str) -> Refused {
        Refused { status, code, message: message.to_owned(), errors: None }
    }

    pub fn unauthorized() -> Refused {
        Refused::new(401, 0, "401: Unauthorized")
    }

    pub fn no_route() -> Refused {
        Refused::new(404, 0, "404: Not Found")
    }

    pub fn unknown_channel() -> Refused {
        Refused::new(404, 10003, "Unknown Channel")
    }

    pub fn unknown_guild() -> Refused {
        Refused::new(404, 10004, "Unknown Guild")
    }

    pub fn unknown_member() -> Refused {
        Refused::new(404, 10007, "Unknown Member")
    }

    pub fn unknown_message() -> Refused {
        Refused::new(404, 10008, "Unknown Message")
    }

    pub fn unknown_user() -> Refused {
        Refused::new(404, 10013, "Unknown User")
    }

    pub fn unknown_interaction() -> Refused {
        Refused::new(404, 10062, "Unknown interaction")
    }

    pub fn unknown_command() -> Refused {
        Refused::new(404, 10063, "Unknown application command")
    }

    pub fn missing_access() -> Refused {
        Refused::new(403, 50001, "Missing Access")
    }

    pub fn missing_permissions() -> Refused {
        Refused::new(403, 50013, "Missing Permissions")
    }

    pub fn empty_message() -> Refused {
        Refused::new(400, 50006, "Cannot send an empty message")
    }

    /// One field of the form is wrong.
    pub fn form(path: &str, code: &str, message: &str) -> Refused {
        let mut form = FormErrors::default();
        form.add(path, code, message);
        form.refused()
    }

    pub fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }
}

/// What is wrong with the fields of a form, by their path (`embeds.0.title`).
#[derive(Default)]
pub struct FormErrors {
    errors: Map<String, Value>,
}

impl FormErrors {
    pub fn add(&mut self, path: &str, code: &str, message: &str) {
        let mut at = &mut self.errors;
        for step in path.split('.') {
            let next = at.entry(step).or_insert_with(|| Value::Object(Map::new()));
            match next.as_object_mut() {
                Some(next) => at = next,
                // Every entry on the way was put there as an object.
                None => return,
            }
        }
        let list = at.entry("_errors").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!({"code": code, "message": message}));
        }
    }

    pub fn too_long(&mut self, path: &str, most: usize) {
        let message = format!("Must be {most} or fewer in length.");
        self.add(path, "BASE_TYPE_MAX_LENGTH", &message);
    }

    pub fn required(&mut self, path: &str) {
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required");
    }

    /// A text of a length between two; one that is missing is looked at by `required`.
    pub fn text(&mut self, path: &str, value: &Value, lengths: (usize, usize)) {
        let (least, most) = lengths;
        match value {
            Value::Null if least > 0 => self.required(path),
            Value::Null => {}
            Value::String(text) => {
                let length = text.chars().count();
                if length > most {
                    self.too_long(path, most);
                } else if length < least {
                    let message = format!("Must be between {least} and {most} in length.");
                    self.add(path, "BASE_TYPE_BAD_LENGTH", &message);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.add(path, "STRING_TYPE_CONVERT", "Could not interpret as string.");
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub fn refused(self) -> Refused {
        let errors = Some(Value::Object(self.errors));
        Refused { errors, ..Refused::new(400, 50035, "Invalid Form Body") }
    }

    pub fn check(self) -> Result<(), Refused> {
        if self.is_empty() { Ok(()) } else { Err(self.refused()) }
    }
}
