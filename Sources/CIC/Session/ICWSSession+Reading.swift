import CaseRouting
import HTTPClient
import JSON

extension ICWSSession {
    /// Reads until the session is lost; returns why.
    func readMessages(_ connection: ICWSConnection) async -> RoutingReason? {
        if settings.messaging == .sse, connection.offersStream {
            switch await readStreams(connection) {
            case .lost(let reason): return reason
            case .fallBack: log(.info, .cicStreamsGivenUp, "Event streams do not last; messages are polled.")
            }
        }
        return await poll(connection)
    }

    /// Every second: repairs subscriptions, and while a stream is read says that we are there.
    func keepAlive(_ connection: ICWSConnection) async -> RoutingReason? {
        var nextBeat = clock.monotonic + limits.heartbeat
        var missed = 0
        while !Task.isCancelled {
            await sleep(limits.poll)
            if Task.isCancelled { break }
            if mustPutAgain { await putSubscriptions(connection) } else { await putDue(connection) }
            guard isStreaming, clock.monotonic >= nextBeat else { continue }
            do {
                // A 401 ends the session; whatever else is answered, the server has heard us.
                _ = try await call(
                    ICWSRequest(.post, "messaging/heartbeat", isRepeatable: false),
                    until: clock.monotonic + limits.call)
                missed = 0
                nextBeat = clock.monotonic + limits.heartbeat
            } catch {
                // A stream from a server that stands still is silent, not broken: this is how it is found out.
                missed += 1
                guard missed >= limits.failedReadings, case .transport(let error) = error else { continue }
                return CICFailure.unreachable(settings.name, error)
            }
        }
        return nil
    }

    // MARK: Polling

    private func poll(_ connection: ICWSConnection) async -> RoutingReason? {
        var failed = 0
        var malformed = 0
        while !Task.isCancelled {
            let answer: HTTPResponse
            do {
                answer = try await transport.send(messagesRequest(connection, connection.headers))
            } catch {
                if Task.isCancelled { break }
                failed += 1
                if failed >= limits.failedReadings { return CICFailure.unreachable(settings.name, error) }
                // What the answer held is gone.
                mustPutAgain = true
                await sleep(limits.poll / 4)
                continue
            }
            guard answer.status == 200 else {
                failed += 1
                if answer.status == 401 || failed >= limits.failedReadings {
                    return refused(answer.status, body: answer.body)
                }
                mustPutAgain = true
                await sleep(limits.poll)
                continue
            }
            failed = 0
            do {
                let messages = answer.body.isEmpty ? [] : try messageReader.messages(answer.body)
                malformed = 0
                if let reason = await deliver(messages, connection) { return reason }
            } catch {
                malformed += 1
                if let reason = unreadable(error, malformed) { return reason }
            }
            await sleep(limits.poll)
        }
        return nil
    }

    private func messagesRequest(_ connection: ICWSConnection, _ headers: HTTPHeaders) -> HTTPRequest {
        // Not repeated by libcurl either: the first sending has emptied the queue, and nobody would know.
        HTTPRequest(
            .get, connection.root + "messaging/messages", headers: headers, deadline: limits.call * 3,
            connectTimeout: limits.call, idleTimeout: limits.call, cookieJar: connection.jar,
            maximumResponseBytes: limits.messageBytes, sendOnce: true)
    }

    /// An answer that holds no messages.
    private func refused(_ status: Int, body: [UInt8]) -> RoutingReason {
        RoutingReason(
            status == 401 ? .cicUnreachable : .cicError,
            "CIC server \(settings.name) answered \(status) in place of messages.",
            response: RoutingFailure.Response(status: status, body: failures.kept(body)))
    }

    private func unreadable(_ error: JSONError, _ count: Int) -> RoutingReason? {
        log(.warning, .eventMalformed, "Messages of CIC cannot be read: \(error)")
        mustPutAgain = true
        guard count >= 3 else { return nil }
        return RoutingReason(
            .cicUnexpectedAnswer, "Messages of CIC server \(settings.name) cannot be read: \(error)")
    }

    /// Hands messages on; returns the loss of the session when they tell it.
    private func deliver(_ messages: [ICWSMessage], _ connection: ICWSConnection) async -> RoutingReason? {
        // A session that somebody else has found ended says nothing any more.
        guard self.connection?.generation == connection.generation, !messages.isEmpty else { return nil }
        for case .queueState(let subscription, let state, _) in messages where state >= 2 { putLater(subscription) }
        await consumer?.received(messages, generation: connection.generation)
        for case .down(let reason) in messages {
            return RoutingReason(
                .cicUnreachable,
                "CIC server \(settings.name) ended the session: \(HandlerText.sound(String(reason.prefix(200)))).")
        }
        return nil
    }

    // MARK: Event streams

    private enum StreamsEnd {
        case lost(RoutingReason?)
        /// They break again and again.
        case fallBack
    }

    private func readStreams(_ connection: ICWSConnection) async -> StreamsEnd {
        var failed = 0
        var short = 0
        defer { isStreaming = false }
        while !Task.isCancelled {
            let began = clock.monotonic
            switch await readStream(connection, &failed) {
            case .lost(let reason): return .lost(reason)
            case .notOffered: return .fallBack
            case .failed(let reason):
                failed += 1
                if failed >= limits.failedReadings { return .lost(reason) }
            case .ended:
                short = clock.monotonic - began < limits.shortStream ? short + 1 : 0
                if short >= limits.shortStreams { return .fallBack }
            }
            isStreaming = false
            mustPutAgain = true
            await sleep(limits.poll / 4)
        }
        return .lost(nil)
    }

    private enum StreamEnd {
        case lost(RoutingReason)
        case notOffered
        /// There was no stream.
        case failed(RoutingReason)
        case ended
    }

    private func readStream(_ connection: ICWSConnection, _ failed: inout Int) async -> StreamEnd {
        let stream: HTTPStream
        do {
            var request = messagesRequest(connection, connection.streamHeaders)
            request.deadline = limits.call
            request.idleTimeout = limits.streamSilence
            request.maximumResponseBytes = 4 << 20
            stream = try await transport.stream(request)
        } catch {
            return .failed(CICFailure.unreachable(settings.name, error))
        }
        guard stream.status == 200 else {
            await stream.close()
            let why = refused(stream.status, body: [])
            switch stream.status {
            case 401: return .lost(why)
            case 400...499: return .notOffered
            default: return .failed(why)
            }
        }
        guard stream.headers["Content-Type"]?.lowercased().hasPrefix("text/event-stream") == true else {
            await stream.close()
            mustPutAgain = true
            return .notOffered
        }
        failed = 0
        isStreaming = true
        if mustPutAgain { await putSubscriptions(connection) }
        return await follow(stream, connection)
    }

    private func follow(_ stream: HTTPStream, _ connection: ICWSConnection) async -> StreamEnd {
        var parser = EventStreamParser(maximumBytes: limits.messageBytes)
        var pieces = stream.makeAsyncIterator()
        var malformed = 0
        do {
            while let piece = try await pieces.next() {
                var messages: [ICWSMessage] = []
                var problem: JSONError?
                try parser.append(piece) { data in
                    do {
                        messages.append(try messageReader.message(data))
                    } catch let error as JSONError {
                        problem = error
                    } catch {
                        preconditionFailure("the reader throws nothing else")
                    }
                }
                if let reason = await deliver(messages, connection) { return .lost(reason) }
                malformed = problem == nil ? malformed : malformed + 1
                if let problem, let reason = unreadable(problem, malformed) { return .lost(reason) }
            }
        } catch {
            log(.debug, .cicSessionLost, "An event stream broke: \(error)")
        }
        await stream.close()
        return .ended
    }
}
