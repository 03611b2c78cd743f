import Glibc

/// One packet of a unix socket with descriptors beside its bytes (unix(7), SCM_RIGHTS).
enum DescriptorMessage {
    /// Descriptors that one packet brings; the kernel takes up to 253.
    static let descriptorsMax = 64

    /// - Returns: whether it was sent whole.
    static func send(_ bytes: [UInt8], _ descriptors: [Int32] = [], to socket: Int32) -> Bool {
        precondition(descriptors.count <= descriptorsMax, "more descriptors than a packet brings")
        var bytes = bytes
        // Whole words, so that the header in it lies where it must.
        var control = [UInt64](repeating: 0, count: space(descriptors.count) / 8)
        return bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var piece = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &piece) { piece in
                    var message = msghdr()
                    message.msg_iov = piece
                    message.msg_iovlen = 1
                    if !descriptors.isEmpty {
                        var header = cmsghdr()
                        header.cmsg_len = headerBytes + 4 * descriptors.count
                        (header.cmsg_level, header.cmsg_type) = (SOL_SOCKET, rights)
                        control.storeBytes(of: header, as: cmsghdr.self)
                        for (index, descriptor) in descriptors.enumerated() {
                            control.storeBytes(
                                of: descriptor, toByteOffset: headerBytes + 4 * index,
                                as: Int32.self)
                        }
                        message.msg_control = control.baseAddress
                        message.msg_controllen = control.count
                    }
                    let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
                    return sendmsg(socket, &message, flags) == bytes.count
                }
            }
        }
    }

    /// What one packet brought. The descriptors are the receiver's to close.
    struct Received {
        let bytes: [UInt8]
        let descriptors: [Int32]
        /// Whether there was more than there is room for, or the system let not all descriptors through.
        let isCut: Bool
    }

    /// The next packet; nil where there is none, or the other end has closed.
    static func receive(from socket: Int32, upTo bytesMax: Int) -> Received? {
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        var control = [UInt64](repeating: 0, count: space(descriptorsMax) / 8)
        return bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var piece = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &piece) { piece -> Received? in
                    var message = msghdr()
                    message.msg_iov = piece
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    let flags = Int32(MSG_CMSG_CLOEXEC | MSG_DONTWAIT)
                    let count = recvmsg(socket, &message, flags)
                    guard count >= 0 else { return nil }
                    let descriptors = descriptors(
                        in: UnsafeRawBufferPointer(control).prefix(Int(message.msg_controllen)))
                    guard count > 0 || !descriptors.isEmpty else { return nil }
                    let cut = Int32(MSG_TRUNC | MSG_CTRUNC)
                    return Received(
                        bytes: Array(bytes.prefix(count)), descriptors: descriptors,
                        isCut: message.msg_flags & cut != 0)
                }
            }
        }
    }

    private static func descriptors(in control: Slice<UnsafeRawBufferPointer>) -> [Int32] {
        let control = UnsafeRawBufferPointer(rebasing: control)
        var descriptors: [Int32] = []
        var start = 0
        while start + headerBytes <= control.count {
            let header = control.loadUnaligned(fromByteOffset: start, as: cmsghdr.self)
            let length = Int(header.cmsg_len)
            guard length >= headerBytes, start + length <= control.count else { break }
            if header.cmsg_level == SOL_SOCKET, header.cmsg_type == rights {
                for place in stride(from: start + headerBytes, to: start + length - 3, by: 4) {
                    descriptors.append(
                        control.loadUnaligned(fromByteOffset: place, as: Int32.self))
                }
            }
            start += (length + 7) / 8 * 8
        }
        return descriptors
    }

    /// SCM_RIGHTS, which the headers show as an enumeration's member.
    private static let rights: Int32 = 1
    /// CMSG_LEN(0): what comes before the descriptors.
    private static let headerBytes = MemoryLayout<cmsghdr>.size

    /// CMSG_SPACE of so many descriptors.
    private static func space(_ count: Int) -> Int {
        count == 0 ? 0 : headerBytes + (4 * count + 7) / 8 * 8
    }
}
