//! Around the stage: chat, reactions, the pinned link, topic edits, calling a follower in.

use std::sync::Arc;

use palco_protocol::{
    ChatMessage, ErrorBody, ErrorCode, Reaction, RoomEvent,
    limits::{CHAT_MAX_CHARS, DESCRIPTION_MAX_CHARS, LINK_MAX_BYTES, TITLE_MAX_CHARS},
};
use palco_room::{Command, Effect, Refusal, TextFilter};

use crate::world::{ANN, BEN, CAT, MOD, OWNER, World, all, id, join, person};

fn chat(text: &str) -> Command {
    Command::Chat { text: text.to_owned() }
}

fn pin(url: &str) -> Command {
    Command::PinLink { url: Some(url.to_owned()) }
}

fn update(title: Option<&str>, description: Option<&str>) -> Command {
    Command::UpdateRoom {
        title: title.map(str::to_owned),
        description: description.map(str::to_owned),
        slow_mode_ms: None,
        turn_ms: None,
    }
}

fn intervals(slow_mode_ms: Option<u32>, turn_ms: Option<u32>) -> Command {
    Command::UpdateRoom { title: None, description: None, slow_mode_ms, turn_ms }
}

#[test]
fn a_line_is_told_to_all_and_kept_for_those_who_come_later() {
    let mut world = World::full(|_| {});
    let line = |number, n, text: &str| ChatMessage {
        number,
        from: person(n),
        text: text.to_owned(),
        at_ms: 2_000,
    };
    let effects = world.ok(BEN, chat("  hello\nall "));
    assert_eq!(effects, [all(RoomEvent::Chat { message: line(1, BEN, "hello\nall") })]);
    for number in 2..=51 {
        world.ok(CAT, chat(&format!("line {number}")));
    }
    let kept = world.room.snapshot(world.now, id(ANN)).unwrap().chat;
    assert_eq!(kept.len(), 50);
    assert_eq!((&kept[0], &kept[49]), (&line(2, CAT, "line 2"), &line(51, CAT, "line 51")));
    // Ben's line is kept no more, but those who were there still show it.
    let effects = world.ok(MOD, Command::Remove { user: id(BEN), ban: false });
    assert_eq!(effects[0], all(RoomEvent::ChatCleared { user: id(BEN) }));
}

#[test]
fn a_line_has_limits() {
    let mut world = World::full(|_| {});
    for bad in ["", " \n ", "bell\u{7}", &"é".repeat(CHAT_MAX_CHARS + 1)] {
        assert_eq!(world.refused(BEN, chat(bad)), ErrorCode::InvalidField);
    }
    world.ok(BEN, chat(&"é".repeat(CHAT_MAX_CHARS)));
}

#[test]
fn slow_mode_holds_listeners_and_speakers_back() {
    let mut world = World::full(|settings| settings.slow_mode_ms = 10_000);
    for n in [BEN, ANN] {
        world.ok(n, chat("one"));
        world.pass(2_500);
        let refusal = world.room.apply(world.now, id(n), chat("two")).unwrap_err();
        let told = Refusal { code: ErrorCode::SlowMode, retry_after_ms: Some(7_500) };
        assert_eq!(refusal, told);
        assert_eq!(ErrorBody::from(refusal).retry_after_ms, Some(7_500));
        // Leaving and coming again does not help.
        world.ok(n, Command::Leave);
        world.ok(n, join(n));
        world.pass(7_499);
        assert_eq!(world.refused(n, chat("two")), ErrorCode::SlowMode);
        world.pass(1);
        world.ok(n, chat("two"));
    }
    world.ok(MOD, chat("one"));
    world.ok(MOD, chat("moderators are not slowed"));
    world.ok(MOD, intervals(Some(0), None));
    world.ok(BEN, chat("nor is anybody now"));
}

#[derive(Debug)]
struct NoCheese;

impl TextFilter for NoCheese {
    fn refuses(&self, text: &str) -> bool {
        text.contains("cheese")
    }
}

#[test]
fn the_filter_sees_what_others_will_read() {
    let mut world = World::full(|settings| settings.text_filter = Some(Arc::new(NoCheese)));
    for bad in [chat("cheese"), update(Some("cheese"), None), update(None, Some("cheese"))] {
        assert_eq!(world.refused(MOD, bad), ErrorCode::TextRefused);
    }
    world.ok(MOD, chat("bread"));
}

#[test]
fn reactions_are_summed() {
    let mut world = World::full(|_| {});
    let react = |reaction| Command::React { reaction };
    assert_eq!(world.ok(BEN, react(Reaction::Heart)), []);
    world.pass(100);
    for n in [BEN, CAT, ANN] {
        assert_eq!(world.ok(n, react(Reaction::Clap)), []);
    }
    assert_eq!(world.pass(149), []);
    let reactions = vec![(Reaction::Clap, 3), (Reaction::Heart, 1)];
    assert_eq!(world.pass(1), [all(RoomEvent::Reactions { reactions })]);
    assert_eq!(world.pass(10_000), []);
}

#[test]
fn a_link_is_pinned_and_taken_away() {
    let mut world = World::full(|_| {});
    let effects = world.ok(MOD, pin("https://example.org/a?b"));
    assert_eq!(world.info().pinned_link.as_deref(), Some("https://example.org/a?b"));
    assert_eq!(effects, [world.room_updated()]);
    assert_eq!(world.ok(MOD, pin("https://example.org/a?b")), []);
    let long = format!("https://{}", "x".repeat(LINK_MAX_BYTES));
    for bad in ["javascript:alert(1)", "example.org", "https://a b", "http://a\u{0}", &long] {
        assert_eq!(world.refused(MOD, pin(bad)), ErrorCode::InvalidField);
    }
    assert_eq!(world.ok(MOD, Command::PinLink { url: None }), [world.room_updated()]);
    assert_eq!(world.info().pinned_link, None);
}

#[test]
fn what_the_room_says_of_itself_changes() {
    let mut world = World::full(|_| {});
    let effects = world.ok(MOD, update(Some(" new title "), Some("more")));
    let info = world.info();
    assert_eq!((info.title.as_str(), info.description.as_str()), ("new title", "more"));
    assert_eq!(effects, [world.room_updated()]);
    assert_eq!(world.ok(MOD, update(Some("new title"), None)), []);
    assert_eq!(world.ok(MOD, intervals(None, Some(120_000))), [world.room_updated()]);
    assert_eq!((world.info().turn_ms, world.info().slow_mode_ms), (120_000, 0));
    for bad in [
        update(Some(" "), None),
        update(Some(&"x".repeat(TITLE_MAX_CHARS + 1)), None),
        update(None, Some(&"x".repeat(DESCRIPTION_MAX_CHARS + 1))),
        intervals(Some(24 * 3_600_000 + 1), None),
        intervals(None, Some(u32::MAX)),
    ] {
        assert_eq!(world.refused(MOD, bad), ErrorCode::InvalidField);
    }
    world.ok(MOD, update(None, Some("")));
    assert_eq!(world.info().description, "");
}

#[test]
fn a_follower_is_called_in() {
    let mut world = World::full(|_| {});
    let ping = |n, follows| Command::PingFollower { user: id(n), follows };
    let call = Effect::Call { user: id(99), by: person(ANN) };
    assert_eq!(world.ok(ANN, ping(99, true)), [call]);
    assert_eq!(world.refused(ANN, ping(99, false)), ErrorCode::Forbidden);
    assert_eq!(world.ok(ANN, ping(BEN, true)), [], "here already");
    world.ok(MOD, Command::Remove { user: id(BEN), ban: true });
    assert_eq!(world.refused(ANN, ping(BEN, true)), ErrorCode::Forbidden);
    world.ok(OWNER, Command::StepDown);
    assert_eq!(world.refused(OWNER, ping(99, true)), ErrorCode::NotOnStage);
}
