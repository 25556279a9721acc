//! Against the real kernel.

use super::*;

#[test]
fn a_port_tells_its_addresses_apart_in_both_directions() {
    let port = SharedPort::bind().unwrap();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let std::net::SocketAddr::V4(peer_at) = peer.local_addr().unwrap() else { panic!() };
    let listeners = [Ipv4Addr::new(127, 1, 2, 3), Ipv4Addr::new(127, 9, 0, 255)];
    let destinations = listeners.map(|ip| SocketAddrV4::new(ip, port.port()));
    assert_eq!(send_to_all(&peer, b"hello", &destinations), 2);

    let mut epoll = Epoll::new().unwrap();
    epoll.add(&port, 7, Interest::Read).unwrap();
    let mut ready = Vec::new();
    epoll.wait(Duration::from_secs(5), &mut ready).unwrap();
    assert_eq!(ready, [7]);
    let mut batch = ReceiveBatch::new();
    assert_eq!(port.receive(&mut batch).unwrap(), 2);
    assert_eq!(batch.datagram(0), (listeners[0], &b"hello"[..]));
    assert_eq!(batch.datagram(1), (listeners[1], &b"hello"[..]));
    assert_eq!((port.receive(&mut batch).unwrap(), batch.arrived(1)), (0, None));
    port.stamp_arrivals().unwrap();
    // Two of four bytes and a shorter last one. The kernel turns stamps on a moment after it is asked to.
    let since_1970 = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let before = since_1970();
    let stamp = (0..1000).find_map(|_| {
        assert!(send_segments(&peer, b"fourbyteson", 4, destinations[0]));
        assert_eq!(port.receive(&mut batch).unwrap(), 3);
        let parts: [&[u8]; 3] = std::array::from_fn(|at| batch.datagram(at).1);
        assert_eq!(parts, [&b"four"[..], b"byte", b"son"]);
        batch.arrived(0)
    });
    assert!((before..=since_1970()).contains(&stamp.unwrap()));

    port.send(listeners[1], peer_at, b"back").unwrap();
    let mut bytes = [0; 16];
    let (len, from) = peer.recv_from(&mut bytes).unwrap();
    assert_eq!((&bytes[..len], from), (&b"back"[..], destinations[1].into()));
}

#[test]
fn a_process_has_a_cpu_clock() {
    let before = process_cpu(std::process::id()).unwrap();
    let mut sum = 0_u64;
    while process_cpu(std::process::id()).unwrap() < before + Duration::from_millis(2) {
        sum = sum.wrapping_add(1);
    }
    assert!(sum > 0 && thread_cpu() > Duration::ZERO);
    // Above the largest process id that Linux gives (2^22).
    assert!(process_cpu(1 << 23).is_err());
}
