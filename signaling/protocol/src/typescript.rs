//! The TypeScript declarations of everything on the wire.

use ts_rs::{Config, TS};

use crate::{
    ChatMessage, ClientMessage, Counts, DirectEvent, ErrorBody, ErrorCode, Event, Grade, Hand,
    HandPolicy, InvitationState, Joined, LinkRole, ModerationAct, ModerationEntry, NoticeId,
    Person, Reaction, Reply, Request, RequestId, Resume, Resumed, Role, RoomEndReason, RoomEvent,
    RoomId, RoomInfo, RoomKind, ServerMessage, Snapshot, SpeakerNumber, StageExit, StageMember,
    UserId, Welcome, You, YourHand, YourInvitation, http, limits,
};

/// The whole of `web-demo/src/protocol.gen.ts`.
#[must_use]
pub fn declarations() -> String {
    // Every integer here stays below 2^53, which a JavaScript number holds exactly.
    let config = Config::new().with_large_int("number");
    let mut text = String::from(
        "// Generated from signaling/protocol; do not edit. `make generate` writes it, `make check` compares it.\n",
    );
    macro_rules! declare {
        ($($kind:ty),* $(,)?) => {
            $(
                text.push_str("\nexport ");
                text.push_str(&<$kind as TS>::decl(&config));
                text.push('\n');
            )*
        };
    }
    declare!(
        RoomId,
        UserId,
        NoticeId,
        RequestId,
        SpeakerNumber,
        ErrorCode,
        ErrorBody,
        Person,
        Role,
        RoomKind,
        HandPolicy,
        LinkRole,
        Reaction,
        RoomInfo,
        StageMember,
        Hand,
        YourHand,
        YourInvitation,
        InvitationState,
        StageExit,
        RoomEndReason,
        Counts,
        Grade,
        ChatMessage,
        ModerationAct,
        ModerationEntry,
        You,
        Snapshot,
        Resume,
        ClientMessage,
        Request,
        Welcome,
        Resumed,
        Joined,
        Reply,
        RoomEvent,
        Event,
        DirectEvent,
        ServerMessage,
        http::CreateGuest,
        http::Guest,
        http::CreateRoom,
        http::LiveRoom,
        http::RoomCreated,
        http::LiveRooms,
        http::InviteToRoom,
        http::RoomHistory,
        http::RoomHistoryEvent,
        http::Report,
        http::Reports,
        http::CreateApiKey,
        http::ApiKey,
        http::ApiKeyCreated,
        http::ApiKeys,
        http::Problem,
        http::TakenField,
        http::CreateAccount,
        http::SignIn,
        http::SessionIn,
        http::SignedIn,
        http::Account,
        http::About,
        http::UpdateAccount,
        http::ChangePassword,
        http::DeleteAccount,
        http::RequestReset,
        http::ResetPassword,
        http::Profile,
        http::Between,
        http::Listed,
        http::People,
        http::CreateScheduled,
        http::UpdateScheduled,
        http::Scheduled,
        http::ScheduledState,
        http::ScheduledList,
        http::ScheduledRooms,
        http::Hallway,
        http::HallwayRoom,
        http::NoticeKind,
        http::Notification,
        http::NoticeRoom,
        http::Notifications,
        http::Unread,
        http::MarkRead,
        http::NoticePreferences,
        http::QuietHours,
        http::Wanted,
        http::SetWanted,
        http::PushKey,
        http::PushSubscription,
        http::PushKeys,
        http::EndPush,
    );
    text.push_str(&format!(
        "\nexport const SUBPROTOCOL = \"{}\";\n\nexport const LIMITS = {{\n  nameMaxChars: {},\n  titleMaxChars: {},\n  descriptionMaxChars: {},\n  chatMaxChars: {},\n  chatHistoryLines: {},\n  headlineMaxChars: {},\n  bioMaxChars: {},\n  listMax: {},\n  topicMaxChars: {},\n  avatarMaxBytes: {},\n  coHostsMax: {},\n  invitedMax: {},\n}} as const;\n",
        crate::SUBPROTOCOL,
        limits::NAME_MAX_CHARS,
        limits::TITLE_MAX_CHARS,
        limits::DESCRIPTION_MAX_CHARS,
        limits::CHAT_MAX_CHARS,
        limits::CHAT_HISTORY_LINES,
        limits::HEADLINE_MAX_CHARS,
        limits::BIO_MAX_CHARS,
        limits::LIST_MAX,
        limits::TOPIC_MAX_CHARS,
        limits::AVATAR_MAX_BYTES,
        limits::CO_HOSTS_MAX,
        limits::INVITED_MAX,
    ));
    text
}
