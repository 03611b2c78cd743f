import HTTPTypes
import Hummingbird
import Logging
import SelatCore
import SelatHTTP

/// The routes of the transport protocol over one service. Knows fields and bodies; what they mean
/// is the service's affair.
struct EnvelopeRoutes: Sendable {
    let service: any EnvelopeService
    /// nil where the node takes no letters.
    let letters: (any LetterService)?
    /// nil where the node serves no policies.
    let policies: (any PolicyService)?
    /// nil where the node shows no log.
    let log: (any LogService)?
    /// nil where the node serves no membership documents.
    let documents: (any MembershipService)?
    private let room = OfferRoom()
    private let answers = OfferRoom()

    func responder(
        membership: MembershipExchange, news: NewsExchange, rates: RequestRates?,
        cutOff: @escaping @Sendable (NodeID) -> String?
    ) -> some HTTPResponder<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.add(
            middleware: MembershipMiddleware(
                membership: membership, news: news, rates: rates, answers: answers,
                cutOff: cutOff))
        if let letters { LetterRoutes(service: letters, room: room).add(to: router) }
        if let policies { PolicyRoutes(service: policies).add(to: router) }
        if let log { LogRoutes(service: log).add(to: router) }
        if let documents { MembershipRoutes(service: documents).add(to: router) }
        router.post("/v1/envelopes") { request, context in
            try await offer(request, from: try Self.node(context))
        }
        router.get("/v1/envelopes/{country}/{node}/{id}") { _, context in
            let state = try await service.uploadState(
                try upload(context), from: try Self.node(context))
            return answer(state)
        }
        router.head("/v1/envelopes/{country}/{node}/{id}/payload") { _, context in
            let state = try await service.uploadState(
                try upload(context), from: try Self.node(context))
            return Response(status: .noContent, headers: fields(state))
        }
        router.patch("/v1/envelopes/{country}/{node}/{id}/payload") { request, context in
            try await append(request, to: try upload(context), from: try Self.node(context))
        }
        return router.buildResponder()
    }

    private func offer(_ request: Request, from peer: NodeID) async throws -> Response {
        let answer =
            try request.headers.uploadBoolean(.uploadComplete)
            ? try await offer(package: request, from: peer)
            : try await offer(head: request, from: peer)
        var response = Response.json(answer.json, status: answer.created ? .created : .ok)
        response.headers[.location] = answer.upload.path
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private func offer(head request: Request, from peer: NodeID) async throws -> OfferAnswer {
        try request.headers.require(mediaType: MediaType.head)
        return try await room.with(bodyOf: request, upTo: Limits.envelopeHeadBytesMax, of: peer) {
            head in
            try await service.offer(head: head, payload: nil, from: peer)
        }
    }

    private func offer(package request: Request, from peer: NodeID) async throws -> OfferAnswer {
        try request.headers.require(mediaType: MediaType.package)
        let headBytes = try request.headers.uploadInteger(.headBytes)
        return try await room.with(bodyOf: request, upTo: Limits.inlinePackageBytesMax, of: peer) {
            package in
            guard let count = Int(exactly: headBytes), count <= package.count else {
                throw Problem.malformed("the head is larger than the package")
            }
            service.traffic?.received(package.count - count, from: peer)
            return try await service.offer(
                head: Array(package[..<count]), payload: Array(package[count...]), from: peer)
        }
    }

    private func append(
        _ request: Request, to upload: UploadID, from peer: NodeID
    ) async throws -> Response {
        try request.headers.require(mediaType: MediaType.partialUpload)
        let offset = try request.headers.uploadInteger(.uploadOffset)
        let complete = try request.headers.uploadBoolean(.uploadComplete)
        let length = try request.headers.optionalUploadInteger(.uploadLength)
        let traffic = service.traffic
        let body = request.body.map { piece in
            traffic?.received(piece.readableBytes, from: peer)
            return piece
        }
        let state = try await service.append(
            upload, from: peer, offset: offset, length: length, complete: complete,
            body: UploadBody(body))
        return state.complete ? answer(state) : Response(status: .noContent, headers: fields(state))
    }

    private func answer(_ state: UploadState) -> Response {
        var response = Response.json(state.json)
        response.headers.append(contentsOf: fields(state))
        return response
    }

    private func fields(_ state: UploadState) -> HTTPFields {
        var fields = HTTPFields()
        fields.set(offset: state.offset, complete: state.complete)
        fields[.uploadLength] = String(state.length)
        return fields
    }

    private func upload(_ context: HTTPContext) throws -> UploadID {
        do throws(CoreError) {
            let country = context.parameters.get("country") ?? ""
            let node = context.parameters.get("node") ?? ""
            return UploadID(
                from: try NodeID("\(country)/\(node)"),
                transfer: try TransferID(context.parameters.get("id") ?? ""))
        } catch {
            throw Problem.malformed(error.description)
        }
    }

    static func node(_ context: HTTPContext) throws -> NodeID {
        guard let node = context.peer.node else {
            throw Problem(status: .forbidden, detail: "only nodes may ask this")
        }
        return node
    }
}

/// Names our membership edition and our news in every answer, also in refusals, and hears the
/// peer's.
private struct MembershipMiddleware: RouterMiddleware {
    let membership: MembershipExchange
    let news: NewsExchange
    let rates: RequestRates?
    /// What is on its way to peers, who read as slowly as they like.
    let answers: OfferRoom
    let cutOff: @Sendable (NodeID) -> String?

    func handle(
        _ request: Request, context: HTTPContext,
        next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            if let wait = context.peer.node.flatMap({ rates?.admit($0) }) {
                throw Problem.tooManyRequests(wait)
            }
            let cut = context.peer.node.flatMap(cutOff)
            if let cut, !MembershipRoutes.isOne(request.uri.path) { throw Problem.cutOff(cut) }
            if request.headers[.membership] != nil
                || !LogRoutes.isOpenToOthers(request.uri.path)
            {
                let mark = try request.headers.membershipMark()
                if cut == nil, let node = context.peer.node { membership.heard(mark, node) }
            }
            if cut == nil, let node = context.peer.node { news.heard(request.headers.news, node) }
            response = try await next(request, context)
            if let node = context.peer.node, let bytes = response.body.contentLength {
                try answers.hold(bytes, of: node, until: context.gone)
            }
        } catch {
            response = Problem.answer(error, to: request, logger: context.logger)
            if let offset = (error as? Problem)?.expectedOffset {
                response.headers.set(offset: offset, complete: false)
            }
        }
        response.headers.say(membership.ours())
        response.headers.news = news.ours()
        return response
    }
}
