import CaseRouting
import HTTPClient
import JSON
import Polling

extension CometDClient {
    struct Answer {
        let messages: [BayeuxMessage]
        let grant: SalesforceGrant
    }

    /// Sends one message; keeps the events and the advice of the answer, wherever in it they stand.
    func exchange(
        _ what: String, _ grant: SalesforceGrant, _ jar: CookieJar, _ deadline: Duration,
        _ write: (inout JSONObjectWriter) -> Void
    ) async throws(RoutingFailure) -> Answer {
        let id = nextID
        nextID += 1
        let body = JSONWriter.array { messages in
            messages.object { message in
                message.write("id", "\(id)")
                write(&message)
            }
        }
        precondition(body.count <= Self.longestRequest, "names are bounded, so messages are")
        await session.count(.stream)
        let request = HTTPRequest(
            .post, "\(grant.instanceURL)/cometd/\(session.settings.apiVersion)", headers: grant.streamHeaders,
            body: body,
            deadline: deadline, cookieJar: jar, maximumResponseBytes: Self.maximumAnswer)
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try await session.transport.send(request)
        } catch {
            throw session.failures.failure(error)
        }
        await session.note(response)
        let messages: [BayeuxMessage]
        do throws(JSONError) {
            messages = try BayeuxMessage.decode(response.body)
        } catch {
            guard response.status == 200 else { throw await refused(what, response, grant) }
            throw session.failures.failure(error, reading: what)
        }
        guard response.status == 200 || messages.contains(where: { $0.error != nil }) else {
            throw await refused(what, response, grant)
        }
        for message in messages {
            if let data = message.data, message.isSuccessful == nil, !message.channel.hasPrefix("/meta/") {
                waiting.append(Delivery(body: response.body, data: data))
            }
            if let advice = message.advice { note(advice) }
        }
        return Answer(messages: messages, grant: grant)
    }

    private func refused(
        _ what: String, _ response: HTTPResponse, _ grant: SalesforceGrant
    ) async -> RoutingFailure {
        if response.status == 401 { await session.forget(grant) }
        return session.failures.streaming(what, status: response.status, body: response.body, token: grant.token)
    }

    private func note(_ advice: BayeuxMessage.Advice) {
        if let timeout = advice.timeout, timeout >= 0 { hold = min(Self.longestHold, .milliseconds(timeout)) }
        if let delay = advice.interval, delay >= 0 { interval = min(Self.longestInterval, .milliseconds(delay)) }
    }

    /// The successful reply to what was sent.
    func reply(
        to channel: String, in answer: Answer, _ what: String
    ) async throws(RoutingFailure) -> BayeuxMessage {
        let replies = answer.messages.filter { $0.data == nil }
        // A request that cannot be read at all is refused without a channel.
        guard let reply = replies.first(where: { $0.channel == channel }) ?? replies.first(where: { $0.error != nil })
        else {
            throw session.failures.failure(.transient, .salesforceError, "\(what): no reply in the answer.")
        }
        if reply.isSuccessful == true { return reply }
        let error = BayeuxError(reply)
        let failure = session.failures.streaming(what, error, channel: self.channel, token: answer.grant.token)
        switch error.remedy {
        case .handshake: client = nil
        case .login:
            client = nil
            await session.forget(answer.grant)
        // Less than the minute after which ingest asks again for what a person has to mend, or what a day allows.
        case .configuration, .dailyLimit: rest = (failure, .now + .seconds(50))
        case .limit: rest = (failure, .now + .seconds(120))
        case .gap, .busy, .other: break
        }
        throw failure
    }

}
