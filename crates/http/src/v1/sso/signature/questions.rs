//! `PUT /v1/sso/signature/questions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mayday_app::{App, RecoveryQuestions};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::Done;
use crate::auth::SessionCaller;
use crate::body::JsonBody;
use crate::problem::Problem;

/// The recovery questions.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignatureQuestions)]
pub(crate) struct QuestionsBody {
    /// Three, which differ.
    questions: Vec<QuestionBody>,
    /// The PIN. Required when one is set.
    #[serde(default)]
    #[schema(required = false)]
    current: Option<String>,
}

/// A question with its answer.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignatureQuestion)]
pub(crate) struct QuestionBody {
    /// 1 to 200 characters.
    #[schema(example = "Your first pet?")]
    question: String,
    /// 1 to 200 characters; case and spaces do not matter.
    #[schema(example = "Rex")]
    answer: String,
}

/// Set the recovery questions
///
/// Three questions with their answers, which replace those before. A forgotten signature is
/// replaced by whoever knows all answers and reads the user's mails.
#[utoipa::path(
    put,
    path = "/v1/sso/signature/questions",
    operation_id = "ssoSetQuestions",
    tag = "Signature",
    request_body = QuestionsBody,
    responses(
        (status = 200, description = "They are in force.", body = Done),
        (status = 400, description = "A member is missing or not valid."),
        (status = 403, description = "`current` is missing (`signature_required`) or wrong (`signature_invalid`)."),
        (status = 409, description = "The signature was changed at the same instant (`conflict`)."),
    ),
)]
pub(crate) async fn questions(
    SessionCaller(caller, _): SessionCaller,
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<QuestionsBody>,
) -> Result<Json<Done>, Problem> {
    let pairs = body.questions.into_iter();
    let sent = RecoveryQuestions {
        questions: pairs.map(|pair| (pair.question, pair.answer)).collect(),
        current: body.current.map(Zeroizing::new),
    };
    app.set_questions(&caller, sent).await?;
    Ok(Json(Done::new()))
}
