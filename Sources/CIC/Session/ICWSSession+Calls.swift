import CaseRouting
import HTTPClient

extension ICWSSession {
    /// Sends one request in the session of now and returns the answer, whatever its status but 401.
    ///
    /// A 401 ends the session. The request was not carried out: where it may be repeated, it waits for the new session
    /// and is sent once more; else its caller is told.
    ///
    /// - Parameter refusal: why nothing may be sent on a connection, asked right before it is.
    func call(
        _ request: ICWSRequest, until deadline: Duration,
        admitting refusal: (@Sendable (ICWSConnection) -> RoutingReason?)? = nil
    ) async throws(ICWSCallError) -> ICWSAnswer {
        var mayRepeat = request.isRepeatable
        while true {
            guard let opened = connection else { throw .noSession(reason) }
            // Its subscriptions are being put.
            if !isReady, await !reopened(after: opened.generation - 1, within: deadline - clock.monotonic) {
                throw .noSession(reason)
            }
            guard let connection else { throw .noSession(reason) }
            if let why = refusal?(connection) { throw .noSession(why) }
            let answer = try await send(request, connection, until: deadline)
            guard answer.status == 401 else { return answer }
            expired(connection)
            guard mayRepeat else { throw .expired }
            mayRepeat = false
            guard await reopened(after: connection.generation, within: deadline - clock.monotonic) else {
                throw .noSession(reason)
            }
        }
    }

    func expired(_ connection: ICWSConnection) {
        invalidate(
            connection.generation,
            RoutingReason(.cicUnreachable, "CIC server \(settings.name) ended the session (401)."))
    }

    private func send(
        _ request: ICWSRequest, _ connection: ICWSConnection, until deadline: Duration
    ) async throws(ICWSCallError) -> ICWSAnswer {
        let headers = request.range.map { connection.headers.setting("Range", $0) } ?? connection.headers
        let left = max(.milliseconds(1), deadline - clock.monotonic)
        do {
            let answer = try await transport.send(
                HTTPRequest(
                    request.method, connection.root + request.path, headers: headers, body: request.body,
                    deadline: left, connectTimeout: min(left, limits.call / 2), cookieJar: connection.jar,
                    maximumResponseBytes: request.maximumBytes ?? limits.answerBytes,
                    sendOnce: !request.isRepeatable))
            return ICWSAnswer(
                status: answer.status, headers: answer.headers, body: answer.body,
                generation: connection.generation)
        } catch {
            throw .transport(error)
        }
    }

    // MARK: Subscriptions

    /// Follows something in this and in all later sessions. When it cannot be put now, it is put as soon as possible.
    func subscribe(_ id: String, path: String, body: [UInt8]) async {
        subscriptions[id] = Subscription(path: path, body: body)
        guard let connection else { return }
        if await put(id, connection) == false { mustPutAgain = true }
    }

    func unsubscribe(_ id: String) async {
        guard let subscription = subscriptions.removeValue(forKey: id), connection != nil else { return }
        do {
            _ = try await call(
                ICWSRequest(.delete, subscription.path), until: clock.monotonic + limits.call)
        } catch {
            // What is told about it from now on is ignored, and it ends with the session.
        }
    }

    /// A subscription is no longer kept up by the server: put again after a while.
    func putLater(_ id: String) { subscriptions[id]?.retryAt = clock.monotonic + limits.unreadableRetry }

    /// Puts one subscription again as soon as possible; its full content follows.
    func putAgain(_ id: String) { subscriptions[id]?.retryAt = clock.monotonic }

    /// Puts all subscriptions; what does not succeed is left to `keepAlive`.
    func putSubscriptions(_ connection: ICWSConnection) async {
        mustPutAgain = false
        for id in subscriptions.keys.sorted() where await put(id, connection) == false {
            mustPutAgain = true
            return
        }
    }

    func putDue(_ connection: ICWSConnection) async {
        let now = clock.monotonic
        for (id, subscription) in subscriptions {
            guard let at = subscription.retryAt, at <= now else { continue }
            if await put(id, connection) == false { return mustPutAgain = true }
        }
    }

    /// Nil: refused, and told so. False: not put.
    private func put(_ id: String, _ connection: ICWSConnection) async -> Bool? {
        guard let subscription = subscriptions[id], self.connection?.generation == connection.generation else {
            return false
        }
        subscriptions[id]?.retryAt = nil
        let request = ICWSRequest(.put, subscription.path, body: subscription.body)
        do {
            let answer = try await send(request, connection, until: clock.monotonic + limits.call)
            if answer.isSuccess {
                confirmed.insert(id)
                return true
            }
            confirmed.remove(id)
            if answer.status == 401 { expired(connection) }
            guard answer.status != 401, (400...499).contains(answer.status) else { return false }
            putLater(id)
            let failure = failures.failure(.directory, answer)
            await consumer?.refused(subscription: id, reason: failure.response?.body ?? failure.summary)
            return nil
        } catch {
            return false
        }
    }
}
