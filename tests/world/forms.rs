//! Forms that people fill in.

use std::collections::BTreeMap;

use super::{World, within};

impl World {
    /// The values that are suggested for a field while somebody types in it.
    pub async fn suggest(&self, form: &str, field: &str, typed: &str) -> Vec<String> {
        let engine = self.process().engine.clone();
        let [form, field, typed] = [form, field, typed].map(str::to_owned);
        let suggesting = self
            .process()
            .runtime
            .spawn(async move { engine.suggest(&form, &field, &typed, &BTreeMap::new()).await });
        let suggestions = within("suggestions come", suggesting).await.unwrap();
        suggestions.into_iter().map(|suggestion| suggestion.value).collect()
    }

    /// Names and tags are read, as the program does at its start.
    pub async fn refresh_vocabulary(&self) {
        let engine = self.process().engine.clone();
        let refreshing =
            self.process().runtime.spawn(async move { engine.refresh_vocabulary().await });
        within("tags are read", refreshing).await.unwrap();
    }

    /// What a form says when it is filled in with these.
    pub fn line(&self, form: &str, values: &[(&str, &str)]) -> String {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.process().engine.line(form, &values.iter().map(owned).collect()).unwrap()
    }
}
