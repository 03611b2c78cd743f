import Hummingbird
import SelatCore
import SelatHTTP

/// The routes by which letters come: each is one document.
struct LetterRoutes: Sendable {
    let service: any LetterService
    let room: OfferRoom

    func add(to router: Router<HTTPContext>) {
        router.post("/v1/receipts") { request, context in
            let node = try EnvelopeRoutes.node(context)
            try request.headers.require(mediaType: MediaType.json)
            return try await room.with(bodyOf: request, upTo: Limits.letterBytesMax, of: node) {
                receipt in
                Self.answer(try await service.take(receipt: receipt, from: node))
            }
        }
        router.post("/v1/recalls") { request, context in
            let node = try EnvelopeRoutes.node(context)
            try request.headers.require(mediaType: MediaType.cms)
            let message = try await request.bytes(upTo: Limits.recallBytesMax)
            return Self.answer(try await service.take(recall: message, from: node))
        }
    }

    private static func answer(_ answer: LetterAnswer) -> Response {
        .json(answer.json, status: answer == .taken ? .ok : .accepted)
    }
}
