//! Around the stage: chat, reactions, what the room says of itself, calling somebody in.

use std::collections::{BTreeMap, VecDeque};

use palco_protocol::{
    ChatMessage, ErrorCode, Reaction, Role, RoomEvent, RoomTimeMs, UserId,
    limits::{CHAT_MAX_CHARS, DESCRIPTION_MAX_CHARS, LINK_MAX_BYTES, TITLE_MAX_CHARS},
};

use crate::{
    Refusal, Room,
    effect::{Effect, Effects},
    timers::REACTIONS_INTERVAL_MS,
};

/// The last lines, for those who join later.
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    lines: VecDeque<ChatMessage>,
    lines_max: usize,
    written: u32,
}

impl Chat {
    pub(crate) fn new(lines_max: usize) -> Self {
        Self { lines: VecDeque::new(), lines_max, written: 0 }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &ChatMessage> {
        self.lines.iter()
    }
}

/// Reactions since the last broadcast of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reactions {
    counts: BTreeMap<Reaction, u32>,
    pub(crate) due_ms: Option<RoomTimeMs>,
}

impl Reactions {
    pub(crate) fn add(&mut self, now: RoomTimeMs, reaction: Reaction) {
        let count = self.counts.entry(reaction).or_default();
        *count = count.saturating_add(1);
        self.due_ms.get_or_insert(now + REACTIONS_INTERVAL_MS);
    }

    /// The sum, when its time has come.
    pub(crate) fn take(&mut self, now: RoomTimeMs) -> Option<Vec<(Reaction, u32)>> {
        self.due_ms.take_if(|due_ms| *due_ms <= now)?;
        Some(std::mem::take(&mut self.counts).into_iter().collect())
    }
}

/// Slow mode and turns are set in minutes, not in days.
const INTERVAL_MAX_MS: u32 = 24 * 3_600_000;

impl Room {
    /// What is kept of somebody's lines, oldest first: evidence for a report.
    pub fn chat_by(&self, user: UserId) -> impl Iterator<Item = &ChatMessage> {
        self.chat.lines().filter(move |line| line.from.id == user)
    }

    pub(crate) fn write(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        text: &str,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        let text = self.checked(text, 1, CHAT_MAX_CHARS)?;
        let exempt = self.role_of(by) >= Some(Role::Moderator);
        let Some(member) = self.people.get_mut(&by) else {
            return Err(ErrorCode::NotJoined.into());
        };
        if let Some(last_ms) = member.last_chat_ms.filter(|_| !exempt) {
            let free_at_ms = last_ms + u64::from(self.info.slow_mode_ms);
            if now < free_at_ms {
                // Not longer than `slow_mode_ms`, which is a u32.
                let retry_after_ms = Some((free_at_ms - now) as u32);
                return Err(Refusal { code: ErrorCode::SlowMode, retry_after_ms });
            }
        }
        member.last_chat_ms = Some(now);
        self.chat.written += 1;
        let number = self.chat.written;
        let message = ChatMessage { number, from: member.person.clone(), text, at_ms: now };
        self.chat.lines.push_back(message.clone());
        if self.chat.lines.len() > self.chat.lines_max {
            self.chat.lines.pop_front();
        }
        self.broadcast(RoomEvent::Chat { message }, out);
        Ok(())
    }

    /// Told even if none of their lines is kept any more: clients may show older ones.
    pub(crate) fn clear_chat(&mut self, user: UserId, out: &mut Effects) {
        if self.departed.find(user).is_some_and(|former| former.last_chat_ms.is_some()) {
            self.chat.lines.retain(|line| line.from.id != user);
            self.broadcast(RoomEvent::ChatCleared { user }, out);
        }
    }

    pub(crate) fn pin_link(&mut self, url: Option<String>) -> Result<(), Refusal> {
        if let Some(url) = &url {
            let scheme = url.starts_with("https://") || url.starts_with("http://");
            let clean = !url.chars().any(|c| c.is_whitespace() || c.is_control());
            if !scheme || !clean || url.len() > LINK_MAX_BYTES {
                return Err(ErrorCode::InvalidField.into());
            }
        }
        self.info_changed |= self.info.pinned_link != url;
        self.info.pinned_link = url;
        Ok(())
    }

    pub(crate) fn update(
        &mut self,
        title: Option<String>,
        description: Option<String>,
        slow_mode_ms: Option<u32>,
        turn_ms: Option<u32>,
    ) -> Result<(), Refusal> {
        let mut info = self.info.clone();
        if let Some(title) = title {
            info.title = self.checked(&title, 1, TITLE_MAX_CHARS)?;
        }
        if let Some(description) = description {
            info.description = self.checked(&description, 0, DESCRIPTION_MAX_CHARS)?;
        }
        if slow_mode_ms.into_iter().chain(turn_ms).any(|interval_ms| interval_ms > INTERVAL_MAX_MS)
        {
            return Err(ErrorCode::InvalidField.into());
        }
        info.slow_mode_ms = slow_mode_ms.unwrap_or(info.slow_mode_ms);
        info.turn_ms = turn_ms.unwrap_or(info.turn_ms);
        self.info_changed |= info != self.info;
        self.info = info;
        Ok(())
    }

    /// A no-op if they are here.
    pub(crate) fn ping_follower(
        &self,
        by: UserId,
        user: UserId,
        follows: bool,
        out: &mut Effects,
    ) -> Result<(), Refusal> {
        self.require_on_stage(by)?;
        if !follows || self.bans.contains_key(&user) {
            return Err(ErrorCode::Forbidden.into());
        }
        if !self.is_present(user) {
            out.push(Effect::Call { user, by: self.person_in_room(by)? });
        }
        Ok(())
    }

    /// A text that others will read: clean, and passed by the filter.
    fn checked(&self, text: &str, min_chars: usize, max_chars: usize) -> Result<String, Refusal> {
        let text = clean(text, min_chars, max_chars)?;
        if self.text_filter.as_ref().is_some_and(|filter| filter.refuses(text)) {
            return Err(ErrorCode::TextRefused.into());
        }
        Ok(text.to_owned())
    }
}

/// The text trimmed, if it is of this length and has no control characters other than line ends.
pub(crate) fn clean(text: &str, min_chars: usize, max_chars: usize) -> Result<&str, Refusal> {
    let text = text.trim();
    let length = text.chars().count();
    let unclean = text.chars().any(|c| c.is_control() && c != '\n');
    if length < min_chars || length > max_chars || unclean {
        return Err(ErrorCode::InvalidField.into());
    }
    Ok(text)
}
