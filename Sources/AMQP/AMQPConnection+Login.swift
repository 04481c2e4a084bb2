import CRabbitMQ
import Polling

/// Login and heartbeats.
extension AMQPConnection {
    func logIn(_ start: amqp_connection_start_t) {
        guard let writer = transport?.writer else { return }
        serverVersion = Self.version(start.server_properties)
        guard String(start.mechanisms).split(separator: " ").contains("PLAIN") else {
            return tearDown(
                AMQPError(
                    operation: "log in", kind: .authentication, text: "the broker does not accept passwords (PLAIN)"))
        }
        let capabilities: AMQPField = .table([
            // Without these the broker tells us nothing of the kind.
            "authentication_failure_close": true, "basic.nack": true, "connection.blocked": true,
            "consumer_cancel_notify": true, "publisher_confirms": true,
        ])
        let properties: [(String, AMQPField)] = [
            ("product", "Case Router"), ("connection_name", .string(name)), ("capabilities", capabilities),
        ]
        let fields = amqp_connection_start_ok_t(
            client_properties: writer.scratch.table(properties), mechanism: writer.scratch.bytes("PLAIN"),
            response: writer.scratch.bytes("\0\(address.user)\0\(address.password)"),
            locale: writer.scratch.bytes("en_US"))
        writer.method(.connectionStartOk, channel: 0, fields, size: 16 << 10)
        writer.scratch.erase()
    }

    /// The table's memory is the decoder's, for the time of this call.
    private static func version(_ properties: amqp_table_t) -> String? {
        for entry in UnsafeBufferPointer(start: properties.entries, count: Int(properties.num_entries))
        where String(entry.key) == "version" && entry.value.kind == UInt8(AMQP_FIELD_KIND_UTF8.rawValue) {
            return String(entry.value.value.bytes)
        }
        return nil
    }

    /// Large enough that nearly every message is one frame, small enough that none delays a heartbeat.
    private static let wantedFrame: UInt32 = 128 << 10

    func tune(_ tune: amqp_connection_tune_t) {
        guard let writer = transport?.writer else { return }
        // Zero means that the broker has no limit of its own.
        let frame = tune.frame_max == 0 ? Self.wantedFrame : max(4096, min(tune.frame_max, Self.wantedFrame))
        let channelMaximum = tune.channel_max == 0 ? .max : tune.channel_max
        channelLimit = min(settings.maximumChannels, Int(channelMaximum))
        let seconds = UInt16(clamping: max(1, address.heartbeat.components.seconds))
        let agreed = tune.heartbeat == 0 ? seconds : min(tune.heartbeat, seconds)
        heartbeat = .seconds(Int(agreed))
        writer.maximumFrame = Int(frame)
        writer.method(
            .connectionTuneOk, channel: 0,
            amqp_connection_tune_ok_t(channel_max: UInt16(channelLimit), frame_max: frame, heartbeat: agreed))
        let open = amqp_connection_open_t(
            virtual_host: writer.scratch.bytes(address.virtualHost), capabilities: amqp_bytes_t(), insist: 0)
        writer.method(.connectionOpen, channel: 0, open)
    }

    func opened() {
        guard case .loggingIn = phase else { return }
        phase = .open
        phaseDeadline?.cancel()
        opening.resolve(.success(()))
        scheduleHeartbeat()
        scheduleSilence(after: heartbeat * 2)
    }

    /// Twice per interval, so that the broker hears from us in each.
    private func scheduleHeartbeat() {
        heartbeatTimer = executor.schedule(after: heartbeat / 2) { [weak self] in
            self?.assumeIsolated { connection in
                guard let transport = connection.transport else { return }
                // Bytes that the broker does not read will tell it, when it does, that we live.
                if !connection.sentSinceHeartbeat && transport.unsentCount == 0 { transport.writer.heartbeat() }
                connection.sentSinceHeartbeat = false
                connection.scheduleHeartbeat()
            }
        }
    }

    /// A broker that has said nothing for two heartbeats is dead, frozen or unreachable. The timer runs after the
    /// sockets of its turn, so that a loop that was busy or suspended reads first.
    private func scheduleSilence(after delay: Duration) {
        silenceTimer = executor.schedule(after: delay) { [weak self] in
            self?.assumeIsolated { connection in
                let silence = MonotonicTime.now - connection.lastReceived
                let limit = connection.heartbeat * 2
                if silence < limit { return connection.scheduleSilence(after: limit - silence) }
                connection.fail(
                    AMQPError(
                        operation: "connection", kind: .connectionLost,
                        text: "the broker has been silent for two heartbeats (\(limit.components.seconds) s)"))
            }
        }
    }
}
