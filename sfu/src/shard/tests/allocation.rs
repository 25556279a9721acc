//! What the shard allocates: nothing per forwarded packet, little per listener. Counted by the test binary's allocator,
//! per thread and only while the shard is at work, so that clients and other tests do not matter.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::*;

struct Counting;

thread_local! {
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<i64> = const { Cell::new(0) };
}

fn count(allocations: u64, bytes: i64) {
    // A thread that ends may free after its locals are gone.
    let _ = AT_WORK.try_with(|at_work| {
        if at_work.get() {
            ALLOCATIONS.set(ALLOCATIONS.get() + allocations);
            LIVE_BYTES.set(LIVE_BYTES.get() + bytes);
        }
    });
}

#[expect(unsafe_code, reason = "the trait is; it forwards to the system's allocator")]
// SAFETY: every call is the system allocator's own, with the caller's arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(1, new_size as i64 - layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs the shard's part.
pub(super) fn counted<T>(work: impl FnOnce() -> T) -> T {
    AT_WORK.set(true);
    let result = work();
    AT_WORK.set(false);
    result
}

#[test]
fn a_forwarded_packet_allocates_nothing() {
    let mut world = World::new();
    world.shard.config.bundle_from = None;
    let (speaker, guest) = (world.speaker(1), world.speaker(2));
    for n in 0..60 {
        let srtp = if n % 2 == 0 { vec![GCM] } else { vec![CM] };
        let opus_pt = if n % 3 == 0 { 111 } else { 109 };
        world.join(Options { srtp, opus_pt, ..Options::default() });
    }
    let mut forwarded = 0;
    for seq in 0..600_u16 {
        if seq == 100 {
            // Everything that is reused has been used by now.
            ALLOCATIONS.set(0);
        }
        for (n, client) in [speaker, guest].into_iter().enumerate() {
            let payload = [0x78, n as u8, seq as u8, 3, 4, 5];
            world.clients[client].speak(seq, u32::from(seq) * 960, 30, &payload);
        }
        for client in [speaker, guest] {
            let Some(mut datagram) = world.clients[client].outgoing.pop_front() else {
                panic!("spoke");
            };
            let input = Input::Datagram { path: world.paths[client], bytes: &mut datagram };
            counted(|| world.shard.handle(world.now, input));
            loop {
                match counted(|| world.shard.poll(world.now)) {
                    Output::Transmit(batch) => forwarded += batch.iter().count(),
                    Output::Wait(_) => break,
                    _ => panic!("only packets"),
                }
            }
        }
        world.now += Duration::from_millis(20);
    }
    assert_eq!(forwarded, 600 * 2 * 61);
    assert_eq!(ALLOCATIONS.get(), 0);
}

#[test]
fn a_connected_listener_takes_little_memory() {
    let mut world = World::new();
    world.shard.config.bundle_from = None;
    world.shard.config.max_peers = 1_000;
    // The arrays that grow by doubling have room for what comes.
    for _ in 0..64 {
        world.join(Options::default());
    }
    LIVE_BYTES.set(0);
    let start = world.now;
    const JOINING: usize = 64;
    for _ in 0..JOINING {
        world.now = start;
        world.join(Options::default());
    }
    let each = LIVE_BYTES.get() / JOINING as i64;
    // Issue 3 allows 8 KiB. The four keys of a session lie in the crypto library's own heap, where this allocator does
    // not count them: 2.4 KiB by the resident size of 20,000 sessions.
    assert!((1_000..2 * 1024).contains(&each), "{each} bytes per listener");
}
