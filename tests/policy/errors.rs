//! What is said of policies that are wrong: what, where, and all of it.

use shipmate::policy::{Policies, Source, Sources};

use super::wrong;

#[test]
fn a_parse_error() {
    insta::assert_snapshot!(wrong(
        "@id(\"broken\")\npermit (principal, action, resource) wen { true };\n"
    ));
}

#[test]
fn an_unknown_attribute() {
    insta::assert_snapshot!(wrong(
        r#"
@id("typo")
permit (principal, action == Action::"unlock", resource)
when { context.lockedby == principal };
"#
    ));
}

#[test]
fn an_optional_attribute_that_is_not_asked_for_first() {
    insta::assert_snapshot!(wrong(
        r#"
@id("unsafe")
permit (principal, action == Action::"unlock", resource)
when { context.locked_by == principal };
"#
    ));
}

#[test]
fn unknown_actions_days_and_kinds() {
    insta::assert_snapshot!(wrong(
        r#"
@id("action") permit (principal, action == Action::"destroy", resource);
@id("day") permit (principal, action, resource) when { context.weekday == Weekday::"fryday" };
@id("kind") permit (principal in Roles::"core", action, resource);
"#
    ));
}

#[test]
fn a_policy_that_can_never_apply() {
    insta::assert_snapshot!(wrong(
        r#"@id("never") permit (principal, action, resource) when { false };"#
    ));
}

#[test]
fn unknown_annotations() {
    insta::assert_snapshot!(wrong(
        r#"
@id("a") @aprovals("2")
permit (principal, action, resource);

@id("b") @reason("r") @severity("high")
forbid (principal, action, resource);
"#
    ));
}

#[test]
fn ids() {
    insta::assert_snapshot!(wrong(
        r#"
permit (principal, action == Action::"read", resource);
@id("twice") permit (principal, action == Action::"read", resource);
  @id("twice") permit (principal, action == Action::"ban", resource);
@id("two words") permit (principal, action == Action::"ban", resource);
"#
    ));
}

#[test]
fn requirements() {
    insta::assert_snapshot!(wrong(
        r#"
@id("none") @reason("r") @approvals("0") @approvers("developer") @expires("1h")
forbid (principal, action, resource);
@id("word") @reason("r") @approvals("two") @approvers("developer,") @expires("soon")
forbid (principal, action, resource);
@id("missing") @approvals("2")
forbid (principal, action, resource);
@id("override") @reason("r") @override("hammer")
forbid (principal, action, resource);
@id("permit") @approvals("2") @approvers("developer") @override("break-glass")
permit (principal, action, resource);
@id("half") @reason("r") @approvers("developer")
forbid (principal, action, resource);
@id("silent")
forbid (principal, action, resource);
@id("zero") @reason("r") @approvals("1") @approvers("developer") @expires("0m")
forbid (principal, action, resource);
"#
    ));
}

#[test]
fn a_template() {
    insta::assert_snapshot!(wrong(
        r#"@id("slots") permit (principal == ?principal, action, resource);"#
    ));
}

#[test]
fn a_broken_schema() {
    let schema =
        Source::new("schema.cedarschema", "entity User;\nentity Environment\naction read;\n");
    let errors = Policies::load(schema, &[]).expect_err("a semicolon is missing");
    insta::assert_snapshot!(errors);
}

#[test]
fn an_unknown_type_in_the_schema() {
    let shipped = Sources::shipped().schema;
    let text = shipped.text.replace("held: Bool", "held: Boolish");
    let errors = Policies::load(Source::new(shipped.name, text), &[]).expect_err("no such type");
    insta::assert_snapshot!(errors);
}

#[test]
fn a_schema_without_room_for_a_fact() {
    let shipped = Sources::shipped().schema;
    let text = shipped.text.replace("  held: Bool,\n", "").replace("action \"lock\", ", "action ");
    let errors = Policies::load(Source::new(shipped.name, text), &[]).expect_err("held is gone");
    let told = errors.to_string();
    assert!(told.contains("schema.cedarschema:1:1: the schema has no room"), "{told}");
    assert!(told.contains("held"), "{told}");
    assert!(told.contains("\"lock\""), "{told}");
}

#[test]
fn all_files_are_told_of_at_once() {
    let sources = [
        Source::new("b.cedar", "permit (principal, action == Action::\"red\", resource);"),
        Source::new("a.cedar", "\n\n  permitt (principal, action, resource);"),
    ];
    let errors = Policies::load(Sources::shipped().schema, &sources).expect_err("both are wrong");
    insta::assert_snapshot!(errors);
}

#[test]
fn columns_count_characters() {
    let told = wrong(
        "@id(\"é\") permit (principal, action, resource); @idd(\"x\") @id(\"y\") permit (principal, action, resource);",
    );
    assert!(told.contains("team.cedar:1:1: \"é\" is not an id"), "{told}");
    assert!(told.contains("team.cedar:1:48: the annotation @idd is not known"), "{told}");
}

#[test]
fn roles_of_others_are_not_known() {
    for condition in [
        r#"context.requester in Role::"intern""#,
        r#"context has locked_by && context.locked_by in [Role::"intern", Role::"developer"]"#,
        r#"!(context.requester is User in Role::"intern")"#,
        r#"context.held && (if context.held then context.requester else principal) in Role::"a""#,
        r#"principal in Role::"a" || User::"bob" in Role::"a""#,
    ] {
        let told = wrong(&format!(
            r#"@id("x") permit (principal, action, resource) when {{ {condition} }};"#
        ));
        assert!(told.contains("team.cedar:1:1: this policy asks for a role of somebody"), "{told}");
    }
}

#[test]
fn roles_of_the_asker_and_lists_of_people_are_known() {
    let _loaded = super::only(
        r#"
@id("x") permit (principal in Role::"a", action, resource)
when { principal in [Role::"b", Role::"c"] && principal is User in Role::"d" }
unless { context.requester in [User::"bob", User::"eve"] };
"#,
    );
}

#[test]
fn an_id_is_taken_even_by_a_policy_that_is_wrong() {
    let told = wrong(
        r#"@id("x") @nonsense permit (principal, action, resource);
@id("x") permit (principal, action, resource);"#,
    );
    assert!(told.contains("1:10: the annotation @nonsense is not known"), "{told}");
    assert!(told.contains("2:1: the id x is taken"), "{told}");
}
