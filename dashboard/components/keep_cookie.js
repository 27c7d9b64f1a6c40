// For the app's own folder alone: behind a proxy other apps may be under the same name. Only the app itself gets it back.
export default function ({ data }) {
  const { name, value, page, seconds } = data;
  const root = window.location.pathname.replace(new RegExp(`/${page}/?$`), "/");
  const lasts = value ? (seconds ? `; max-age=${seconds}` : "") : "; max-age=0";
  const secure = window.location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=${root}; samesite=strict${lasts}${secure}`;
}
