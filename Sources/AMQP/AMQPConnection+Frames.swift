import CRabbitMQ
import Polling

/// What the broker says, frame by frame.
extension AMQPConnection {
    func handle(_ frame: Frame) throws(AMQPError) {
        switch frame.kind {
        case .heartbeat, .other: break
        case .method:
            let method = try methods.decode(frame.payload)
            if frame.channel == 0 {
                try handleConnection(method)
            } else if let channel = channel(frame.channel) {
                try handle(method, on: channel)
            } else {
                throw FrameReader.malformed("\(method.id) on channel \(frame.channel), which is not open")
            }
        case .header, .body:
            guard let channel = channel(frame.channel), channel.content != nil else {
                // The rest of a message on a channel that we are closing.
                if let channel = channel(frame.channel), channel.isClosing { return }
                throw FrameReader.malformed("content that no method announced")
            }
            if frame.kind == .header {
                try channel.content!.take(header: frame.payload)
            } else {
                try channel.content!.take(body: frame.payload)
            }
            guard channel.content!.isComplete, let content = channel.content else { return }
            channel.content = nil
            try receive(content, on: channel)
        }
    }

    func channel(_ number: UInt16) -> Channel? {
        Int(number) < channels.count ? channels[Int(number)] : nil
    }

    // MARK: The connection itself

    private func handleConnection(_ method: MethodDecoder.Decoded) throws(AMQPError) {
        guard let writer = transport?.writer else { return }
        switch method.id {
        case .connectionStart: logIn(method.fields(amqp_connection_start_t.self))
        case .connectionSecure: throw FrameReader.malformed("a second question about who we are")
        case .connectionTune: tune(method.fields(amqp_connection_tune_t.self))
        case .connectionOpenOk: opened()
        case .connectionBlocked:
            isBlocked = true
            eventsInput.yield(.blocked(reason: String(method.fields(amqp_connection_blocked_t.self).reason)))
        case .connectionUnblocked:
            isBlocked = false
            eventsInput.yield(.unblocked)
        case .connectionCloseOk: closedByOwner()
        case .connectionClose:
            let close = method.fields(amqp_connection_close_t.self)
            let isLogin = if case .loggingIn = phase { true } else { false }
            let kind: AMQPError.Kind =
                isLogin && close.reply_code == 403 ? .authentication : .closedByBroker(code: Int(close.reply_code))
            let error = AMQPError(operation: "connection", kind: kind, text: String(close.reply_text))
            writer.method(.connectionCloseOk, channel: 0, amqp_connection_close_ok_t())
            // The answer is a courtesy: the broker does not need it, and may be gone.
            do throws(AMQPError) { try send() } catch { return tearDown(error) }
            if case .closing = phase { closedByOwner() } else { tearDown(error) }
        default: throw FrameReader.malformed("\(method.id), which is not for the connection")
        }
    }

    // MARK: Channels

    private func handle(_ method: MethodDecoder.Decoded, on channel: Channel) throws(AMQPError) {
        switch method.id {
        case .channelCloseOk:
            channels[Int(channel.number)] = nil
            return
        case .channelClose:
            closedByBroker(channel, method.fields(amqp_channel_close_t.self))
            return
        default:
            // What was under way when we sent our close.
            if channel.isClosing { return }
        }
        guard channel.content == nil else { throw FrameReader.malformed("\(method.id) within a message") }
        switch channel.role {
        case .publisher(let publisher): try handle(method, channel, publisher)
        case .reader(let reader): try handle(method, channel, reader)
        case .operation(let operation): try handle(method, channel, operation)
        }
    }

    private func closedByBroker(_ channel: Channel, _ close: amqp_channel_close_t) {
        let error = AMQPError(
            operation: "channel", kind: .closedByBroker(code: Int(close.reply_code)), text: String(close.reply_text))
        transport?.writer.method(.channelCloseOk, channel: channel.number, amqp_channel_close_ok_t())
        // When both sides close at once, ours is still to be answered.
        if !channel.isClosing { channels[Int(channel.number)] = nil }
        forget(channel)
        channel.fail(error)
    }

    /// Opens a channel on the lowest free number. The broker's answer is not waited for: it reads in order.
    func openChannel(_ role: Channel.Role) throws(AMQPError) -> Channel {
        guard let writer = transport?.writer else { throw notOpen }
        var number = 1
        while number < channels.count && channels[number] != nil { number += 1 }
        guard number <= channelLimit else {
            throw AMQPError(operation: "open channel", kind: .overloaded, text: "\(channelLimit) channels are open")
        }
        let channel = Channel(number: UInt16(number), role: role)
        if number == channels.count { channels.append(channel) } else { channels[number] = channel }
        writer.method(.channelOpen, channel: channel.number, amqp_channel_open_t(out_of_band: amqp_bytes_t()))
        return channel
    }

    /// Closes a channel that nobody needs any more.
    func closeChannel(_ channel: Channel) {
        guard let writer = transport?.writer, !channel.isClosing else { return }
        channel.isClosing = true
        channel.content = nil
        forget(channel)
        let fields = amqp_channel_close_t(
            reply_code: 200, reply_text: writer.scratch.bytes("done"), class_id: 0, method_id: 0)
        writer.method(.channelClose, channel: channel.number, fields)
    }

    /// The next publish or get opens a new channel.
    private func forget(_ channel: Channel) {
        if publisher?.number == channel.number { publisher = nil }
        if getReader?.number == channel.number { getReader = nil }
        dirtyReaders.removeAll { $0 == channel.number }
    }

    /// The connection can be used. Throws why not.
    func requireOpen() throws(AMQPError) {
        guard case .open = phase else { throw notOpen }
    }

    var notOpen: AMQPError {
        closedReason ?? AMQPError(operation: "connection", kind: .closed, text: "the connection is being closed")
    }
}

extension Channel {
    /// The channel is gone. Everybody who waits learns why.
    func fail(_ error: AMQPError) {
        switch role {
        case .publisher(let publisher): publisher.failAll(error)
        case .reader(let reader): reader.fail(error)
        case .operation(let operation): operation.resolve(.failure(error))
        }
    }
}
