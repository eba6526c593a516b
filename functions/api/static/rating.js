export const rating = () => null;
